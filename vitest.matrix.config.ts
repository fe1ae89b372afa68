import { defineConfig } from 'vitest/config';
import everyday, { matrixTests } from './vitest.config.js';

/** `npm run test:matrix`: what needs several Pythons, or families that take long to build. */
export default defineConfig({
  test: { ...everyday.test, include: [...matrixTests], exclude: [], fileParallelism: false },
});
