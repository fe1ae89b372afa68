import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**', 'runs/**'],
    typecheck: { enabled: true, include: ['**/*.test-d.ts'], checker: 'tsc' },
    globalSetup: './vitest.setup.mjs',
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // A file may hold a server with workers on every core; more at a time would only get in each other's way.
    maxWorkers: 2,
  },
});
