import { createApp, watch } from 'vue'
import App from './App.vue'
import { startHeartbeat } from './heartbeat'
import { i18n } from './i18n'
import { Machine } from './machine'
import './style.css'

const machine = new Machine()

const app = createApp(App, { machine })
app.config.errorHandler = (e) => machine.fault(e)
window.addEventListener('error', (e) => machine.fault(e.error ?? e.message))
window.addEventListener('unhandledrejection', (e) => machine.fault(e.reason))
window.addEventListener('contextmenu', (e) => e.preventDefault())
window.addEventListener('dragstart', (e) => e.preventDefault())

watch(
  () => machine.face.lang,
  (lang) => {
    i18n.global.locale.value = lang
    document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en'
  },
  { immediate: true }
)
watch(
  () => machine.face.large,
  (large) => document.documentElement.classList.toggle('large', large)
)
machine.followTouch()

app.use(i18n).mount('#app')
let digest = ''
startHeartbeat(() => machine.session, () => digest)
machine
  .start((d) => (digest = d))
  .catch((e: unknown) => {
    machine.fault(e)
    setTimeout(() => location.replace('/'), 5000)
  })
