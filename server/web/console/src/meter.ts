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

/** The steps of the time line, the empty ones too: of days all of them; of the last minutes not the one under way, whose rate would be too low. */
export function slots(m: Meter, of: (p: MeterPoint) => boolean): Slot[] {
  const width = m.step * 1000, last = Math.floor(Date.parse(m.now) / width) - 1
  const n = Math.max(m.from ? Math.ceil(m.seconds / m.step) : Math.floor(m.seconds / m.step) - 1, 1), first = m.from ? Date.parse(m.from) : (last - n + 1) * width
  const out = Array.from({ length: n }, (_, i): Slot => ({ at: first + i * width, sum: empty('') }))
  for (const p of m.points) {
    const s = out[Math.floor((Date.parse(p.at) - first) / width)]
    if (s && of(p)) add(s.sum, p)
  }
  return out
}

export interface Stack { key: string; counts: number[] }

/** Requests in each step by key, the most frequent keys first; what is beyond most of them is one, with the key null. */
export function stacks(m: Meter, by: MeterBy, most = 6): (Stack | { key: null; counts: number[] })[] {
  const keys = sums(m, by).map((s) => s.key), shown = keys.length > most + 1 ? keys.slice(0, most) : keys
  const counts = (of: (k: string) => boolean): number[] => slots(m, (p) => of(keyOf(p, by))).map((s) => s.sum.count)
  const out: (Stack | { key: null; counts: number[] })[] = shown.map((key) => ({ key, counts: counts((k) => k === key) }))
  if (shown.length < keys.length) out.push({ key: null, counts: counts((k) => !shown.includes(k)) })
  return out
}

/** When a step of days begins, as the bank's clocks have it: 13:10, or 11-22 for a day. */
export function stepLabel(at: number, step: number): string { return new Date(at + 8 * 3_600_000).toISOString().slice(...(step >= 86_400 ? [5, 10] as const : [11, 16] as const)) }

const linkFaults: readonly [string, RegExp][] = [['certificate', /certificate|x509|tls:/], ['refused', /refused/], ['name', /lookup|no such host/], ['timeout', /timeout|deadline/], ['unreachable', /unreachable|no route/], ['cut', /EOF|reset|closed|broken pipe/]]
/** What the carrier's own words for a broken link come down to; as they are when they are none of the usual ones. */
export function linkFault(text = ''): string { return linkFaults.find(([, r]) => r.test(text))?.[0] ?? text }
