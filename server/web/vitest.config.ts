import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

// element-plus is inlined: it imports style sheets, which Node cannot.
export default defineConfig({
  plugins: [vue()],
  test: { environment: 'happy-dom', include: ['*/src/**/*.test.ts'], server: { deps: { inline: ['element-plus'] } } }
})
