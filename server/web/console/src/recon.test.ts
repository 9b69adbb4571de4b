import type { Day, DayTotal, Difference } from '@bankside/kit'
import { expect, it } from 'vitest'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'
import { absent, agrees, dayText, heaps, report, reportCSV, today } from './recon'

const x = (branch: string, terminal: string, kind: string, state: string, count: number, amount: number, paid = 0): DayTotal => ({ branch, terminal, kind, state, count, amount, paid })
const totals = [
  x('0002', 'T2', 'withdrawal', 'CONFIRMED', 1, 10000, 10000), x('0001', 'T1', 'withdrawal', 'CONFIRMED', 3, 90000, 80000), x('0001', 'T1', 'withdrawal', 'DECLINED', 2, 5000),
  x('0001', 'T1', 'transfer', 'CONFIRMED', 1, 700), x('0001', 'T1', 'withdrawal', 'SUSPENSE', 1, 300), x('0001', 'T3', 'deposit', 'REVERSED', 1, 200)
]

it('the report adds up by product, terminal, branch and in all', () => {
  const r = report(totals)
  expect(r.map((l) => [l.level, l.branch, l.terminal, l.kind, l.count, l.amount].join(' ').replace(/ +/g, ' '))).toEqual([
    'product 0001 T1 withdrawal 6 80000', 'product 0001 T1 transfer 1 700', 'terminal 0001 T1 7 80700', 'product 0001 T3 deposit 1 0', 'terminal 0001 T3 1 0', 'branch 0001 8 80700',
    'product 0002 T2 withdrawal 1 10000', 'terminal 0002 T2 1 10000', 'branch 0002 1 10000', 'all 9 90700'
  ])
  expect(r[0]?.n).toEqual({ good: 3, declined: 2, reversed: 0, open: 0, person: 1 })
  expect(report([])).toEqual([])
})

it('the CSV has every line, and numbers that a spreadsheet leaves alone', () => {
  const rows = reportCSV(report(totals), (k) => k, (_g, n) => n).split('\r\n')
  expect(rows).toHaveLength(12)
  expect(rows[1]).toBe('recon.levels.product,\t0001,T1,withdrawal,6,3,2,0,1,800.00')
})

it('what the newest book does not show is told by host and by who compared', () => {
  const d = (host: string, state: Difference['state'], first: string): Difference => ({ host, state, first, book: 'host' }) as Difference
  const day = { runs: [{ host: 'core', book: 'terminal', digest: '' }, { host: 'core', book: 'host', digest: 'd1' }], differences: [d('core', 'absent', 'olga'), d('core', 'open', ''), d('core', 'absent', 'olga'), d('core', 'absent', '')] } as unknown as Day
  expect(absent(day)).toEqual([{ host: 'core', digest: 'd1', first: 'olga', count: 2 }, { host: 'core', digest: 'd1', first: '', count: 1 }])
})

it('a day is a day of China', () => {
  expect(today(Date.parse('2026-11-22T16:30:00Z'))).toBe('20261123')
  expect(dayText('20261122')).toBe('2026-11-22')
})

it('two empty books agree, and one with a line that the other lacks does not', () => {
  const run = { day: '', host: '', book: 'host' as const, digest: '', ourAmount: 0, theirAmount: 0, at: '' }
  expect(agrees({ ...run, ours: 0, theirs: 0, matched: 0 })).toBe(1)
  expect(agrees({ ...run, ours: 4, theirs: 5, matched: 4 })).toBe(0.8)
})

const keys = (v: unknown, at = ''): string[] => (v && typeof v === 'object' ? Object.entries(v).flatMap(([k, y]) => keys(y, `${at}.${k}`)) : [at])
it('every text is there in both languages, for every class of difference', () => {
  expect(keys(en).sort()).toEqual(keys(zh).sort())
  const classes = ['oursOnly', 'theirsOnly', 'amount', 'state', 'duplicate', 'pending', 'uncounted', 'silent', 'short', 'over', 'notCounted', 'strange', 'moved']
  expect([...new Set([...Object.keys(zh.diff.host), ...Object.keys(zh.diff.terminal), ...Object.keys(zh.diff.counts)])].sort()).toEqual(classes.sort())
})

it('differences are heaped by book, class and owner', () => {
  const d = (host: string, book: Difference['book'], c: string, ours?: number, theirs?: number): Difference => ({ id: '', day: '', host, book, class: c, terminal: '', branch: '', reference: '', ours, theirs, owner: 'clearing', state: 'open', first: '', note: '', at: '' })
  expect(heaps([d('core', 'host', 'amount', 100, 130), d('core', 'host', 'oursOnly', 50), d('core', 'host', 'oursOnly', 70), d('bills', 'partner', 'amount', 5, 1), d('core', 'terminal', 'silent')]).map((h) => [h.host, h.book, h.class, h.count, h.gap].join(' '))).toEqual([
    'bills partner amount 1 -4', 'core host oursOnly 2 -120', 'core host amount 1 30', 'core terminal silent 1 0'])
})
