// Every screen of the counter without a platform behind it: `show` of the window puts one up.
// For tests of how screens look (bench/e2e/screens.e2e.mjs).
import { flows } from '@counter/flows'
import type { Payload } from '@counter/sjsl'
import { someInfo } from '@counter/sjsbl/testing'
import { createApp, nextTick } from 'vue'
import App from '../src/App.vue'
import { i18n } from '../src/i18n'
import { Machine } from '../src/machine'
import { outcomes } from '../src/outcomes'
import '../src/style.css'

const machine = new Machine({ config: async () => ({}) as never, connect: () => ({}) as never, reload: () => undefined })
machine.face.info = someInfo()
createApp(App, { machine }).use(i18n).mount('#app')

async function show(lang: 'zh' | 'en', large: boolean, flow: string, screen: string, params: Payload): Promise<void> {
  machine.face.flow = flows.find((f) => f.name === flow)
  Object.assign(machine.face, { lang, large })
  i18n.global.locale.value = lang
  document.documentElement.classList.toggle('large', large)
  Object.assign(machine.stage, { screen: '', params: {} })
  await nextTick()
  Object.assign(machine.stage, { screen, params, step: 2, steps: 6, cancel: true })
  await nextTick()
}

Object.assign(window, { show, kinds: Object.keys(outcomes) })
