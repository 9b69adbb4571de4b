import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { i18n } from './i18n'
import { me } from './live'
import Transactions from './pages/Transactions.vue'

vi.mock('./parts/TxnChart.vue', () => ({ default: { template: '<i />' } })) // echarts needs a size
let asked: { url: string; body: unknown }[] = [], refused = false, page: ReturnType<typeof mount> | undefined
const row = { id: '7', terminal: 'T0000001', kind: 'withdrawal', batch: '1', stan: '1', amount: 100, state: 'CONFIRMED', response: '00', textZH: '', textEN: '', reference: '', auth: '', merchant: '', channel: '', host: '', day: '', pan: '', note: '', created: '2026-11-22T03:00:00Z', updated: '' }
beforeEach(() => {
  asked = []
  refused = false
  vi.stubGlobal('fetch', (url: string, o: { body?: string }) => {
    asked.push({ url, body: o.body && JSON.parse(o.body) })
    if (refused && url.includes('/transactions')) return Promise.resolve(new Response(JSON.stringify({ code: 'SearchTooWide', message: 'x' }), { status: 400 }))
    const data = url.endsWith('/search') ? { items: [row], total: 1 } : url.endsWith('/totals') ? { count: 1, amount: 100, paid: 0, width: 60, steps: [] } : { hosts: [{ name: 'core' }, { name: 'core' }], channels: [{ name: 'terminals' }] }
    return Promise.resolve(new Response(JSON.stringify({ code: 'OK', message: '', data })))
  })
})
afterEach(() => { page?.unmount(); me.value = null; vi.unstubAllGlobals(); document.body.innerHTML = '' })
async function shown(role: 'operator' | 'manager'): Promise<void> {
  me.value = { name: 'o', display: 'o', role, branch: role === 'manager' ? '0001' : '' }
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)', component: { template: '<i />' } }] })
  await router.push('/transactions')
  page = mount(Transactions, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await flushPromises()
}
const names = (list: string): string[] => [...document.querySelectorAll(`#${list} option`)].map((o) => (o as HTMLOptionElement).value)
async function find(values: Record<string, string>): Promise<void> {
  for (const [k, v] of Object.entries(values)) await page?.find(`[data-testid=filter-${k}]`).setValue(v)
  await page?.find('form').trigger('submit')
  await flushPromises()
}

it('it is searched by merchant, authorisation code, host, channel, settlement day and trace number', async () => {
  await shown('operator')
  expect([names('hosts'), names('channels')]).toEqual([['core'], ['terminals']])
  const q = { merchant: '102290000000001', auth: '000042', host: 'core', channel: 'terminals', day: '20261122', stan: '000017' }
  await find(q)
  expect(asked.filter((x) => x.url.endsWith('/search')).at(-1)?.body).toEqual({ ...q, page: 0, size: 20 })
})

it('a manager, who may not know the switch, is not refused by it', async () => {
  await shown('manager')
  expect(asked.some((x) => x.url.endsWith('/switch'))).toBe(false)
})

it('a search that would read the whole journal says what it wants, over no rows of another', async () => {
  await shown('operator')
  expect(document.querySelectorAll('[data-testid=txn-row]')).toHaveLength(1)
  refused = true
  await find({ merchant: '102290000000001' })
  expect(document.querySelector('[role=alert]')?.textContent).toContain('不超过 24 小时的时间范围')
  expect(document.querySelectorAll('[data-testid=txn-row]')).toHaveLength(0)
})

it('a settlement day that is none is not asked for', async () => {
  await shown('operator')
  const n = asked.length
  await find({ day: '2026-11' })
  expect(asked).toHaveLength(n)
  expect(document.querySelector('form .wrong')?.textContent).toBe('清算日写成 2026-11-22')
})
