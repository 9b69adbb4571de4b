import type { LiveOptions } from '@bankside/kit'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { i18n } from './i18n'
import { data, me } from './live'
import Blocks from './pages/Blocks.vue'
import Cases from './pages/Cases.vue'
import Formats from './pages/Formats.vue'
import Merchants from './pages/Merchants.vue'
import Products from './pages/Products.vue'
import Reconciliation from './pages/Reconciliation.vue'
import { router } from './router'

const stream = vi.hoisted(() => ({ options: [] as unknown[] }))
vi.mock('@bankside/kit', async (original) => ({ ...(await original<object>()), Live: class { constructor(o: unknown) { stream.options.push(o) } start(): void {} stop(): void {} } }))

const none = { items: [], page: 0, size: 20, total: 0, pages: 0 }
const answers: [string, unknown][] = [['/merchants', none], ['/clearing', { day: '20261122', ran: false, merchants: none }], ['/reconciliation/books', { from: [{ kind: 'host', name: 'core' }], formats: [{ name: 'core' }] }], ['/reconciliation', { day: '20261122', runs: [], differences: [], totals: [] }], ['/formats/preview', { name: 'x', kind: 'fixed', hex: '', described: '' }], ['/formats/', { name: 'corefixed', from: 'builtin', yaml: 'name: x', digest: '', used: [], path: '' }], ['/formats', [{ name: 'corefixed', from: 'builtin', used: [] }]], ['/books', { from: [{ kind: 'host', name: 'core' }], formats: [{ name: 'core' }] }]]
let away = false, page: ReturnType<typeof mount> | undefined
beforeEach(() => {
  away = true
  me.value = { name: 'o', display: 'o', role: 'operator', branch: '' }
  vi.stubGlobal('fetch', (url: string) => (away ? Promise.reject(new TypeError('away')) : Promise.resolve(new Response(JSON.stringify({ code: 'OK', message: '', data: answers.find(([k]) => url.includes(k))?.[1] ?? [] })))))
})
afterEach(() => { page?.unmount(); me.value = null; data.error = ''; vi.unstubAllGlobals(); document.body.innerHTML = '' })

it.each([['blocks', Blocks], ['cases', Cases], ['formats', Formats], ['merchants', Merchants], ['products', Products], ['reconciliation', Reconciliation]] as const)('%s says that the server is away, and by itself shows what there is when it is back', async (at, what) => {
  const here = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)', component: { template: '<i />' } }] })
  await here.push(`/${at}`)
  page = mount(what as never, { global: { plugins: [i18n, here] }, attachTo: document.body })
  await flushPromises()
  expect(document.body.textContent).toContain('无法连接服务器')
  expect(document.body.textContent).not.toContain('正在加载')
  away = false
  for (const o of stream.options) (o as LiveOptions).onEvent({ kind: 'resync', id: '' })
  await flushPromises()
  expect(document.body.textContent).not.toContain('无法连接服务器')
  expect(document.body.textContent).not.toContain('没有取到数据')
})

it('a page whose code cannot be had says so, and does not leave the click without an answer', async () => {
  await router.push('/sign-in')
  router.addRoute({ path: '/newer', component: () => Promise.reject(new TypeError('Failed to fetch dynamically imported module')) })
  await router.push('/newer').catch(() => undefined)
  await flushPromises()
  expect(data.error).toBe('无法连接服务器')
  expect(router.currentRoute.value.path).toBe('/sign-in')
  const reload = vi.spyOn(location, 'reload').mockImplementation(() => undefined)
  away = false
  await router.push('/newer').catch(() => undefined)
  await flushPromises()
  expect(reload).toHaveBeenCalledTimes(1)
  expect(location.hash).toBe('#/newer')
})
