import type { Meter, MeterBy, MeterPoint } from '@bankside/kit'

export const outcomes = ['approved', 'declined', 'notSent', 'doubt'] as const
export type Outcome = (typeof outcomes)[number]

/** What came of requests: counts by outcome, mean and slowest time in milliseconds. */
export interface Sum extends Record<Outcome, number> { key: string; count: number; mean: number; max: number }

const empty = (key: string): Sum => ({ key, count: 0, approved: 0, declined: 0, notSent: 0, doubt: 0, mean: 0, max: 0 })
function add(s: Sum, p: MeterPoint): void {
  for (const o of outcomes) s[o] += p[o]
  s.mean = s.count + p.count > 0 ? (s.mean * s.count + (p.meanMicros / 1000) * p.count) / (s.count + p.count) : 0
  s.count += p.count
  s.max = Math.max(s.max, p.maxMicros / 1000)
}

export function keyOf(p: MeterPoint, by: MeterBy): string { return (by === 'channel' ? p.channel : by === 'host' ? p.host : by === 'product' ? p.product : '') ?? '' }

/** One sum of the whole time for each key, most first; "" is the key of by=all. */
export function sums(m: Meter, by: MeterBy): Sum[] {
  const all = new Map<string, Sum>()
  for (const p of m.points) {
    const k = keyOf(p, by), s = all.get(k) ?? empty(k)
    add(s, p)
    all.set(k, s)
  }
  return [...all.values()].sort((a, b) => b.count - a.count || a.key.localeCompare(b.key))
}

/** Part of the requests that was approved, 0 to 1; null when there was none. */
export function rate(s: Sum): number | null { return s.count > 0 ? s.approved / s.count : null }

/** A part as people read it: 0.98765 → "98.8%"; what is not all is never shown as 100%. */
export function percent(part: number | null): string {
  if (part === null) return '—'
  const p = Math.floor(part * 1000) / 10
  return part === 1 ? '100%' : `${p.toFixed(1)}%`
}

export function millis(ms: number): string { return ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms` }

export interface Slot { at: number; sum: Sum }

/** The whole steps of the time line, the empty ones too. The step under way is left out: its rate would be too low. */
export function slots(m: Meter, of: (p: MeterPoint) => boolean): Slot[] {
  const width = m.step * 1000, last = Math.floor(Date.parse(m.now) / width) - 1, n = Math.floor(m.seconds / m.step) - 1
  const out = Array.from({ length: Math.max(n, 1) }, (_, i): Slot => ({ at: (last - n + 1 + i) * width, sum: empty('') }))
  for (const p of m.points) {
    const s = out[Math.floor(Date.parse(p.at) / width) - (last - n + 1)]
    if (s && of(p)) add(s.sum, p)
  }
  return out
}
