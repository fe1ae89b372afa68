import { defineConfig } from 'vitest/config';
import everyday, { largeTests } from './vitest.config.js';

/** `npm run test:matrix` and `npm run test:families`: what needs several Pythons, or families that take long to build. */
export default defineConfig({
  test: { ...everyday.test, include: [...largeTests], exclude: [], fileParallelism: false },
});
