import { mergeConfig } from 'vite'
import { defineConfig } from 'vitest/config'
import base from './vite.config'

export default mergeConfig(
  base,
  defineConfig({
    test: {
      environment: 'happy-dom',
      include: ['src/**/*.test.ts'],
      // The kit imports `dayjs/plugin/x` without an extension, which Node alone does not resolve.
      server: { deps: { inline: ['antdv-next', /@v-c\//] } },
    },
  }),
)
