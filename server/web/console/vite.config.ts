import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// npx vite console: the API of a running desk answers behind the development server.
export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false', __VUE_I18N_FULL_INSTALL__: 'false', __VUE_I18N_LEGACY_API__: 'false' },
  server: { proxy: { '/v2': 'http://127.0.0.1:7080' } },
  build: { outDir: '../dist/console', emptyOutDir: true, target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0, chunkSizeWarningLimit: 2000 }
})
