import type { Meter, MeterPoint } from '@bankside/kit'
import { expect, it } from 'vitest'
import { millis, percent, rate, slots, stacks, stepLabel, sums } from './meter'

const point = (at: string, x: Partial<MeterPoint>): MeterPoint => ({ at, count: 0, approved: 0, declined: 0, notSent: 0, doubt: 0, meanMicros: 0, maxMicros: 0, ...x })
const m: Meter = { now: '2026-11-22T03:00:23Z', seconds: 60, step: 5, points: [
  point('2026-11-22T03:00:10Z', { host: 'core', count: 3, approved: 2, declined: 1, meanMicros: 10_000, maxMicros: 25_000 }),
  point('2026-11-22T03:00:15Z', { host: 'core', count: 1, doubt: 1, meanMicros: 50_000, maxMicros: 50_000 }),
  point('2026-11-22T03:00:15Z', { host: 'cups', count: 4, approved: 4, meanMicros: 5_000, maxMicros: 9_000 }),
  point('2026-11-22T03:00:20Z', { host: 'core', count: 9, approved: 9, meanMicros: 1_000, maxMicros: 1_000 }) // under way
] }

it('the sums have every request once, with the mean over requests and not over steps', () => {
  const [core, cups] = sums(m, 'host')
  expect(core).toMatchObject({ key: 'core', count: 13, approved: 11, declined: 1, doubt: 1, max: 50 })
  expect(core?.mean).toBeCloseTo((3 * 10 + 50 + 9) / 13)
  expect(cups?.count).toBe(4)
  expect(sums(m, 'all')).toHaveLength(1)
  expect(sums(m, 'all')[0]?.count).toBe(17)
})

it('the time line has whole steps only, and the empty ones', () => {
  const s = slots(m, () => true)
  expect(s).toHaveLength(11)
  expect(new Date(s.at(-1)?.at ?? 0).toISOString()).toBe('2026-11-22T03:00:15.000Z')
  expect(s.at(-1)?.sum).toMatchObject({ count: 5, approved: 4, doubt: 1, max: 50 })
  expect(s.at(-2)?.sum.count).toBe(3)
  expect(s[0]?.sum.count).toBe(0)
  expect(slots(m, (p) => p.host === 'cups').at(-1)?.sum.count).toBe(4)
})

it('a rate that is not everything is never rounded up to it', () => {
  expect(percent(0.99999)).toBe('99.9%')
  expect(percent(1)).toBe('100%')
  expect(percent(rate({ key: '', count: 0, approved: 0, declined: 0, notSent: 0, doubt: 0, mean: 0, max: 0 }))).toBe('—')
  expect([millis(0.4), millis(12.6), millis(25_000)]).toEqual(['0.4 ms', '13 ms', '25.0 s'])
})

const days: Meter = { from: '2026-11-21T16:00:00Z', since: '2026-11-21T16:00:00Z', now: '2026-11-22T03:20:00Z', seconds: 40_800, step: 3600, points: [
  point('2026-11-21T16:00:00Z', { host: 'core', count: 3, approved: 3 }), point('2026-11-22T03:00:00Z', { host: 'core', count: 1, approved: 1 }), point('2026-11-22T03:00:00Z', { host: 'cups', count: 4, approved: 4 }) ] }

it('a time line of days begins with the bank\'s day and has the hour under way', () => {
  const s = slots(days, () => true)
  expect(s.map((x) => x.sum.count)).toEqual([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5])
  expect([stepLabel(s[0]?.at ?? 0, 3600), stepLabel(s[11]?.at ?? 0, 3600), stepLabel(s[0]?.at ?? 0, 86_400)]).toEqual(['00:00', '11:00', '11-22'])
})

it('what is stacked has every request once, the rare ones together', () => {
  const last = (most?: number): unknown => stacks(days, 'host', most).map((x) => [x.key, x.counts[0], x.counts.at(-1)])
  expect(last()).toEqual([['core', 3, 1], ['cups', 0, 4]])
  const many: Meter = { ...days, points: ['a', 'b', 'c', 'd'].map((host, i) => point('2026-11-21T16:00:00Z', { host, count: 10 - i })) }
  expect(stacks(many, 'host', 2).map((x) => [x.key, x.counts[0]])).toEqual([['a', 10], ['b', 9], [null, 15]])
})
