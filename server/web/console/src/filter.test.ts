import type { Search, Transaction } from '@bankside/kit'
import { describe, expect, it } from 'vitest'
import { buckets } from './buckets'
import { collect, csv } from './export'
import { fromQuery, toQuery, toSearch } from './filter'

const txn = (n: number, state = 'CONFIRMED'): Transaction => ({
  id: String(n), terminal: 'T0000001', kind: 'withdrawal', batch: '1', stan: '1', amount: 100, state, response: '00', textZH: '', textEN: '', reference: '', auth: '', merchant: '', channel: '', host: '', day: '', pan: '', note: '',
  created: new Date(Date.UTC(2026, 10, 22, 1, 0, n)).toISOString(), updated: ''
})

// req: UX-29
describe('the filter', () => {
  it('survives the address', () => {
    const f = { ...fromQuery({}), terminal: 'T1', state: 'SUSPENSE', merchant: '102290000000001', auth: '000042', host: 'core', channel: 'terminals', day: '20261122', stan: '000017', min: '1.5', from: '2026-11-22T01:00:00.000Z', page: 3, size: 50 }
    expect(fromQuery(toQuery(f))).toEqual(f)
    expect(toQuery(fromQuery({}))).toEqual({})
  })
  it('takes no nonsense from an address', () => { expect(fromQuery({ page: '-4', size: '100000', from: 'soon' })).toMatchObject({ page: 1, size: 20, from: '' }) })
  it('asks for fen, and for a card number that no address has', () => {
    expect(toSearch({ ...fromQuery({}), min: '1.50', max: 'x' }, '6225 8800 0000 0001')).toEqual({ amountMin: 150, pan: '6225880000000001' })
    expect(toSearch({ ...fromQuery({}), merchant: ' 102290000000001 ', auth: '000042', host: 'core', channel: 'terminals', day: ' 2026-11-22', stan: '000017' }, '')).toEqual({ merchant: '102290000000001', auth: '000042', host: 'core', channel: 'terminals', day: '20261122', stan: '000017' })
  })
})

// req: UX-29
describe('the export', () => {
  it('has exactly what is filtered, each once, though new ones push the pages along', async () => {
    let all = Array.from({ length: 450 }, (_, i) => txn(450 - i))
    const asked: Search[] = []
    const got = await collect({ terminal: 'T0000001' }, (q) => {
      asked.push(q)
      const items = all.slice((q.page ?? 0) * 200, (q.page ?? 0) * 200 + 200)
      all = [txn(1000 + asked.length), ...all]
      return Promise.resolve({ items, total: all.length })
    })
    const ids = got.map((x) => x.id)
    expect(new Set(ids).size).toBe(ids.length)
    for (let i = 1; i <= 450; i++) expect(ids).toContain(String(i))
    expect(asked.every((q) => q.terminal === 'T0000001' && q.to === asked[0]?.to)).toBe(true)
  })
  it('can be read by a spreadsheet', () => { expect(csv([txn(7)], [{ title: '编号', of: (x) => x.id }])).toBe('\uFEFF编号\r\n7\r\n') })
})

it('the chart counts every transaction once', () => {
  const step = (at: string, state: string, count: number, zero = false) => ({ at, state, zero, count, amount: 0, paid: 0 })
  const all = { count: 2503, amount: 0, paid: 0, width: 60, from: '2026-11-21T08:00:10Z', to: '2026-11-21T08:30:00Z',
    steps: [step('2026-11-21T08:00:00Z', 'CONFIRMED', 2500), step('2026-11-21T08:00:00Z', 'DECLINED', 1), step('2026-11-21T08:30:00Z', 'APPROVED', 1, true), step('2026-11-21T08:30:00Z', 'APPROVED', 1)] }
  const b = buckets(all)
  expect(b.length).toBe(31)
  expect(b[0]?.n).toEqual({ good: 2500, declined: 1, reversed: 0, open: 0, person: 0 })
  expect(b[30]?.n).toEqual({ good: 1, declined: 0, reversed: 0, open: 1, person: 0 })
  expect(buckets({ count: 0, amount: 0, paid: 0, width: 0, steps: [] })).toEqual([])
})
