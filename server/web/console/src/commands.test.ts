import type { Command, Me, Terminal } from '@bankside/kit'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import { i18n } from './i18n'
import { me } from './live'
import Commands from './parts/Commands.vue'

const terminal = { id: 'T0000001', cash: [{ id: 'unit1', currency: 'CNY', value: 10000, count: 480 }] } as Terminal
const command = (x: Partial<Command>): Command => ({ id: 'c1', kind: 'resolve', args: { txn: '000001/000012', paid: 20000 }, note: '清点', state: 'proposed', by: 'olga', second: '', result: '', created: '2026-11-22T08:00:00Z', expires: '', updated: '', ...x })
const sent: { url: string; body: unknown }[] = []
function server(list: Command[]): void {
  vi.stubGlobal('fetch', (url: string, o: RequestInit) => {
    if (o.method === 'POST') sent.push({ url, body: JSON.parse(String(o.body ?? '{}')) })
    return Promise.resolve(new Response(JSON.stringify({ code: 'OK', message: '', data: o.method === 'POST' ? list[0] : list })))
  })
}
const at = (name: string): HTMLInputElement => document.querySelector(`[data-testid=${name}]`) as HTMLInputElement
async function shown(list: Command[], who: Partial<Me>): Promise<void> {
  server(list)
  me.value = who as Me
  mount(Commands, { props: { terminal }, global: { plugins: [i18n] }, attachTo: document.body })
  await flushPromises()
}
afterEach(() => { vi.unstubAllGlobals(); document.body.innerHTML = ''; sent.length = 0 })

it('only another person may agree, and the amount is seen', async () => {
  await shown([command({})], { name: 'olga', role: 'operator' })
  expect(document.body.textContent).toContain('200.00')
  expect(at('command-agree')).toBeNull()
  expect(at('command-withdraw')).not.toBeNull()
  document.body.innerHTML = ''
  await shown([command({})], { name: 'otto', role: 'operator' })
  at('command-agree').click()
  await flushPromises()
  expect(sent[0]?.url).toBe('/v2/api/terminals/T0000001/commands/c1/agree')
})

it('a lobby manager looks on', async () => {
  await shown([command({}), command({ id: 'c2', state: 'failed', result: 'not in suspense' })], { name: 'anna', role: 'manager' })
  expect(document.body.textContent).toContain('not in suspense')
  for (const x of ['command-new', 'command-agree', 'command-withdraw']) expect(at(x)).toBeNull()
})

it('counts are sent with what the unit holds', async () => {
  await shown([], { name: 'olga', role: 'operator' })
  at('command-new').click()
  await flushPromises()
  const set = async (name: string, value: string, ev = 'input'): Promise<void> => { const e = at(name); e.value = value; e.dispatchEvent(new Event(ev)); await flushPromises() }
  await set('command-kind', 'setCounts', 'change')
  const go = at('command-go') as unknown as HTMLButtonElement
  expect(go.disabled).toBe(true) // without a reason
  await set('command-note', '清点')
  await set('command-unit1', '47x')
  expect(go.disabled).toBe(true)
  await set('command-unit1', '479')
  go.form?.dispatchEvent(new Event('submit', { cancelable: true }))
  await flushPromises()
  expect(sent[0]).toEqual({ url: '/v2/api/terminals/T0000001/commands', body: { kind: 'setCounts', note: '清点', args: { units: { unit1: { currency: 'CNY', value: 10000, count: 479 } } } } })
})
