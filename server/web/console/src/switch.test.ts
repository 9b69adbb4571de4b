import type { Host, Meter, Queue, Server } from '@bankside/kit'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { i18n } from './i18n'
import SwitchPage from './pages/SwitchPage.vue'

vi.mock('./parts/MeterChart.vue', () => ({ default: { template: '<i />' } })) // echarts needs a size
const host = (name: string, x: Partial<Host>): Host => ({
  name, dialect: 'cups128', state: 'up', breaker: 'closed', day: '20261122', limit: 200, refused: 0, barred: 0, opened: 0, answered: 7, unknown: 0, macErrors: 0, formatErrors: 0, meanMicros: 1500,
  link: { kind: 'long', up: 4, want: 4, inFlight: 0, queued: 0, sent: 0, answered: 0, late: 0, orphan: 0, garbage: 0, lost: 0, timeouts: 0, reconnects: 0, lastError: '' }, ...x
})
let meter: Meter = { now: '2026-11-22T03:00:00Z', seconds: 300, step: 5, points: [] }
const queue: Queue = { depth: 2, oldestAge: 95, lastMinute: 0, drainSeconds: -1, waiting: [{ transaction: '7', terminal: 'T0000001', host: 'core', kind: 'reversal', attempts: 3, response: '', created: '2026-11-22T02:58:00Z', next: '2026-11-22T03:00:00Z' }] }
let servers: Server[] | undefined
let hosts: Host[] = [], asked: string[] = [], page: ReturnType<typeof mount> | undefined
beforeEach(() => {
  asked = []
  vi.useFakeTimers()
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url)
    const data = url.includes('/meter') ? meter : url.includes('/retry') ? {} : url.includes('/queue') ? queue : url.includes('/search') ? { items: [], total: 0 } : { servers, hosts, channels: [] }
    return Promise.resolve(new Response(JSON.stringify({ code: 'OK', message: '', data })))
  })
})
afterEach(() => { page?.unmount(); vi.useRealTimers(); vi.unstubAllGlobals(); document.body.innerHTML = '' })
async function shown(): Promise<void> {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)', component: { template: '<i />' } }] })
  page = mount(SwitchPage, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await flushPromises()
}

it('every state of a host is told in words', async () => {
  hosts = [host('a', {}), host('b', { state: 'down' }), host('c', { state: 'signedOff' }), host('d', { state: 'breaker', breaker: 'open' }), host('e', { breaker: 'trying' })]
  await shown()
  expect([...document.querySelectorAll('[data-testid=host]')].map((r) => r.querySelector('.pill')?.textContent)).toEqual(['正常', '连接断开', '已签退', '熔断', '试探恢复'])
  expect([...document.querySelectorAll('[data-testid=host] .pill')].map((r) => r.className)).toEqual(['pill good', 'pill bad', 'pill warn', 'pill bad', 'pill warn'])
})

it('a host whose answers cannot be trusted is not without a fault, though its link is well', async () => {
  hosts = [host('a', {}), host('b', { macErrors: 3, link: { ...host('b', {}).link, late: 2 } })]
  await shown()
  const cells = [...document.querySelectorAll('[data-testid=host] .error-cell')]
  expect(cells[0].textContent).toBe('没有')
  expect([...cells[1].querySelectorAll('[data-v=fault]')].map((f) => f.textContent)).toEqual(['MAC 错 3', '迟到应答 2'])
  expect(cells[1].textContent).not.toContain('没有')
})

it('a queue whose end cannot be told says so, and a message is sent again on request', async () => {
  await shown()
  expect(document.querySelector('[data-testid=queue-drain]')?.textContent).toBe('无法估计')
  ;(document.querySelector('[data-testid=queue-retry]') as HTMLButtonElement).click()
  await flushPromises()
  expect(asked).toContain('/v2/api/switch/queue/7/retry')
})

it('it asks every two seconds while it is seen, and not when it is hidden or gone', async () => {
  await shown()
  const count = (): number => asked.filter((u) => u === '/v2/api/switch').length
  expect(count()).toBe(1)
  await vi.advanceTimersByTimeAsync(2100)
  expect(count()).toBe(2)
  const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(count()).toBe(2)
  hidden.mockReturnValue(false)
  document.dispatchEvent(new Event('visibilitychange'))
  await flushPromises()
  expect(count()).toBe(3)
  page?.unmount()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(count()).toBe(3)
})

it('of several servers each row says whose it is, and who is silent', async () => {
  hosts = [host('core', { server: 'a #1' }), host('core', { server: 'b #2', state: 'down' })]
  servers = [{ name: 'a #1', at: '2026-11-22T03:00:00Z', here: true }, { name: 'b #2', at: '2026-11-22T03:00:00Z' }, { name: 'c #3', at: '2026-11-22T02:50:00Z', silent: true }]
  await shown()
  expect([...document.querySelectorAll('[data-testid=host]')].map((r) => (r as HTMLElement).dataset.server)).toEqual(['a #1', 'b #2'])
  expect([...document.querySelectorAll('[data-testid=server]')].map((r) => (r as HTMLElement).dataset.silent)).toEqual([undefined, undefined, ''])
  servers = undefined
  page?.unmount()
  await shown()
  expect(document.querySelector('[data-testid=servers]')).toBeNull()
})

it('a day is asked for in steps of its own, and says since when it is known', async () => {
  hosts = []
  await shown()
  meter = { ...meter, from: '2026-11-21T16:00:00Z', since: '2026-11-22T01:00:00Z', seconds: 39_600, step: 600 }
  const click = async (id: string): Promise<void> => { (document.querySelector(`[data-testid=${id}]`) as HTMLElement).click(); await flushPromises(); await vi.advanceTimersByTimeAsync(0); await flushPromises() }
  await click('meter-today')
  expect(asked.at(-1)).toBe('/v2/api/switch/meter?span=today&step=600&by=all')
  expect(document.querySelector('[data-testid=meter-since]')?.textContent).toMatch(/之前没有留存/)
  await click('meter-hours')
  expect(asked.at(-1)).toBe('/v2/api/switch/meter?span=today&step=3600&by=all')
  await click('meter-week')
  await click('meter-by-host')
  expect(asked.at(-1)).toBe('/v2/api/switch/meter?span=week&step=86400&by=host')
  const n = asked.filter((u) => u.includes('/meter')).length
  await vi.advanceTimersByTimeAsync(20_000)
  expect(asked.filter((u) => u.includes('/meter')).length).toBe(n)
})
