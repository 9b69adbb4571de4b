import type { Channel, Clearing, LimitUse, Product } from '@bankside/kit'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { endOf, matches, periodText, ppm, usedPart } from './catalogue'
import { i18n } from './i18n'
import Merchants from './pages/Merchants.vue'
import Products from './pages/Products.vue'
import SwitchPage from './pages/SwitchPage.vue'

vi.mock('./parts/MeterChart.vue', () => ({ default: { template: '<i />' } })) // echarts needs a size
const withdrawal: Product = { name: 'withdrawal', title: { zh: '取款', en: 'Withdrawal' }, group: 'BZ-08', type: '0200', code: '010000', moves: 'money', pays: '', confirm: true, credit: false, fields: ['pinBlock', 'amount'], steps: ['limits', 'pin'], channels: ['terminals'] }

it.each([['', true], ['取款', true], ['WITHDRAW', true], ['0200 010000', true], ['limits terminals', true], ['动资金', true], ['0200 310000', false], ['bills', false]])('a search for "%s" finds the withdrawal: %s', (search, found) => {
  expect(matches(withdrawal, search, () => ['动资金'])).toBe(found)
})

it('an end is told by what comes after the host', () => {
  expect([endOf(withdrawal), endOf({ ...withdrawal, credit: true }), endOf({ ...withdrawal, confirm: false })]).toEqual(['confirm', 'credit', 'answer'])
})

it('the greater of amount and count is what is used of a limit', () => {
  const use = (x: Partial<LimitUse['limit']>, amount: number, count: number): LimitUse => ({ limit: { name: 'x', of: 'card', per: 'day', amount: 0, count: 0, products: [], channels: [], bins: [], code: '61', ...x }, period: '20261122', usedAmount: amount, usedCount: count })
  expect(usedPart(use({ amount: 1000, count: 10 }, 300, 5))).toBe(0.5)
  expect(usedPart(use({ amount: 1000 }, 2000, 5))).toBe(1)
  expect(usedPart(use({ count: 4 }, 2000, 1))).toBe(0.25)
  expect(usedPart(use({ amount: 1000, per: 'transaction' }, 0, 0))).toBeUndefined()
  expect([periodText('2026112210'), periodText('20261122'), periodText('202611'), ppm(3800), ppm(1_000_000), ppm(125)]).toEqual(['2026-11-22 10:00', '2026-11-22', '2026-11', '0.38%', '100%', '0.0125%'])
})

let answers: Record<string, () => unknown> = {}, page: ReturnType<typeof mount> | undefined
beforeEach(() => {
  vi.stubGlobal('fetch', (url: string, q?: { method?: string }) => {
    const key = Object.keys(answers).find((k) => `${q?.method ?? 'GET'} ${url}`.includes(k))
    return Promise.resolve(new Response(JSON.stringify(key ? { code: 'OK', message: '', data: answers[key]?.() } : { code: 'Unavailable', message: '', data: null }), { status: key ? 200 : 503 }))
  })
})
afterEach(() => { page?.unmount(); vi.unstubAllGlobals(); document.body.innerHTML = '' })
async function shown(what: unknown): Promise<void> {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)', component: { template: '<i />' } }] })
  page = mount(what as never, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await flushPromises()
}
const $ = (id: string): HTMLElement | null => document.querySelector(`[data-testid="${id}"]`)
const none = { items: [], page: 0, size: 20, total: 0, pages: 0 }

it('a day that is cleared shows what each party gets', async () => {
  const cleared: Clearing = { day: '20261122', ran: true, at: '2026-11-22T12:00:00Z', by: 'olga', early: true, count: 3, gross: 10_001, fee: 38, unsaid: 2, held: 1, heldAmount: 5_000, refunded: 3, closed: 4, closedAmount: 7_050, byHand: 6, byHandAmount: 1_020, unregistered: 5, unregisteredAmount: 6_030,
    merchants: { ...none, total: 1, pages: 1, items: [{ number: '102290000000001', nameZH: '书店', nameEN: 'Books', count: 3, gross: 10_001, fee: 38, parts: [{ receiver: '店主', amount: 8967 }, { receiver: '商场', amount: 996 }] }] } }
  answers = { '/merchants': () => none, '/clearing': () => cleared }
  await shown(Merchants)
  expect($('clearing-done')?.textContent).toContain('olga')
  for (const x of ['书店', '100.01', '0.38', '店主 89.67', '商场 9.96']) expect($('cleared')?.textContent).toContain(x)
  expect($('clearing')?.textContent).toContain('99.63')
  expect($('clearing-closed')?.textContent).toContain('有 4 笔付款（70.50 元）属于已停用的商户')
  expect($('clearing-by-hand')?.textContent).toContain('有 6 笔付款（10.20 元）由两人人工结清')
  expect($('clearing-unregistered')?.textContent).toContain('有 5 笔（60.30 元）付给第三方')
  expect($('clearing-unsaid')?.textContent).toContain('有 2 笔商户终端上的付款没有清算给任何人')
  expect($('clearing-held')?.textContent).toContain('有 1 笔付款（50.00 元）有争议')
  expect($('clearing-early')?.textContent).toContain('尚未结束')
  expect($('clearing-refunded')?.textContent).toContain('3 笔')
  expect($('merchants')?.textContent).toContain('还没有登记商户')
})

it('products that do not say whom they pay are named above all others', async () => {
  const pay = (name: string, x: Partial<Product>): Product => ({ ...withdrawal, name, title: { zh: name, en: name }, confirm: false, ...x })
  answers = { '/products': () => [withdrawal, pay('old', {}), pay('new', { pays: 'merchant' }), pay('ask', { moves: '' })] }
  await shown(Products)
  expect($('products-unsaid')?.textContent).toContain('有 1 个付款产品没有声明收款方（old）')
  answers = { '/products': () => [withdrawal] }
  page?.unmount()
  await shown(Products)
  expect($('products-unsaid')).toBeNull()
})

it('what could not be loaded is not told as empty', async () => {
  answers = {}
  await shown(Merchants)
  expect(document.querySelectorAll('[role=alert]').length).toBe(2)
  expect($('clearing-not')).toBeNull()
  expect($('merchants')?.textContent).not.toContain('还没有登记商户')
  expect($('merchants')?.textContent).toContain('没有取到数据')
})

it('a channel shows its state, its limit and its last error; a cache that is away says so', async () => {
  const channel = (name: string, x: Partial<Channel>): Channel => ({ name, dialect: 'pos64', kind: 'short', listen: ':1', state: 'up', since: new Date().toISOString(), inFlight: 0, limit: 2000, limitOf: 'connections', open: 3, want: 0, accepted: 9, refused: 0, frames: 9, garbage: 0, macErrors: 0, unsigned: 0, strangers: 0, lastError: '', ...x })
  answers = { '/meter': () => ({ now: new Date().toISOString(), seconds: 300, step: 5, points: [] }), '/queue': () => ({ depth: 0, oldestAge: 0, lastMinute: 0, drainSeconds: 0, waiting: [] }), '/search': () => ({ items: [], total: 0 }),
    '/switch': () => ({ hosts: [], channels: [channel('a', { macErrors: 2, lastError: 'mac', lastErrorOf: '00000001', lastErrorAt: new Date().toISOString() }), channel('b', { state: 'full', limit: 5, limitOf: 'requests', inFlight: 5 }), channel('c', { state: 'down', open: 1, want: 4 }), channel('d', { state: 'quiet' })],
      servers: [{ name: 'one', at: '', here: true, cache: { kind: 'redis', hits: 90, misses: 10, bypassed: 0, away: true, since: new Date(Date.now() - 60_000).toISOString(), pending: 1 } }] }) }
  await shown(SwitchPage)
  const rows = [...document.querySelectorAll('[data-testid=channel]')]
  expect(rows.map((r) => r.querySelector('.pill')?.textContent)).toEqual(['正常', '已到上限', '连接断开', '尚无报文'])
  expect(rows[0]?.textContent).toContain('MAC 不符，终端 00000001')
  expect(rows[1]?.querySelector('[data-v=inFlight]')?.textContent).toBe('5/5')
  expect(rows[2]?.textContent).toContain('1/4')
  expect(rows[3]?.textContent).toContain('没有')
  expect($('cache')?.textContent).toContain('不可用')
  expect($('cache')?.textContent).toContain('90.0%')
  expect($('servers')).toBeNull() // alone: there are no several to tell apart
})
