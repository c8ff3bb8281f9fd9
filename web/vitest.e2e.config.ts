// Tests in a real browser against the real server: UPDRAFT_BINARY=../build/release/updraft npm run test:e2e
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** `npm run screenshots` and `npm run bench:records` use what the tests use, and are none. */
function filesToRun(): string {
  if (process.env.UPDRAFT_SCREENSHOTS) return 'tests/e2e/screenshots.ts'
  return process.env.UPDRAFT_BENCH_RECORDS ? 'tests/e2e/records_bench.ts' : 'tests/e2e/**/*.e2e.ts'
}

export default defineConfig({
  resolve: {
    alias: [
      // The messages are read without the console around them.
      { find: '@/app/i18n', replacement: here('./tests/e2e/support/messages_alone.ts') },
      { find: '@', replacement: here('./src') },
    ],
  },
  test: {
    environment: 'node',
    include: [filesToRun()],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    maxWorkers: 2,
  },
})
