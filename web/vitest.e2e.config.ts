// Tests in a real browser against the real server: UPDRAFT_BINARY=../build/release/updraft npm run test:e2e
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

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
    include: ['tests/e2e/**/*.e2e.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    maxWorkers: 2,
  },
})
