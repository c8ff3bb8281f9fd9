import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// `npm run dev` serves the console from sources and forwards the API to a running server.
const server = process.env.UPDRAFT_SERVER ?? 'http://127.0.0.1:8848'

export default defineConfig({
  base: '/console/',
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_I18N_LEGACY_API__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  build: {
    target: 'es2022',
    manifest: true,
    sourcemap: false,
    assetsInlineLimit: 0, // a data: URL would need its own entry in the content security policy
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      output: {
        // ECharts is used by few pages; everything else is cut by the bundler.
        manualChunks: (id: string) =>
          /node_modules\/(echarts|zrender)\//.test(id) ? 'charts' : undefined,
      },
    },
  },
  worker: { format: 'es' },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/file', '/setup', '/events'].map((path) => [path, { target: server }]),
    ),
  },
})
