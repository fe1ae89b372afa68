import { defineConfig } from 'vitest/config';

/** Tests of `npm run test:matrix` and `npm run test:families`. */
export const largeTests = [
  'python-matrix.test.ts',
  'conflicting-families.test.ts',
  'large-families.test.ts',
];

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**', 'runs/**', ...largeTests],
    typecheck: { enabled: true, include: ['**/*.test-d.ts'], checker: 'tsc' },
    globalSetup: './vitest.setup.mjs',
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // A file may hold a server with workers on every core; more at a time would only get in each other's way.
    maxWorkers: 2,
  },
});
