import type { Totals } from '@bankside/kit'
import { groupOf, type Group } from './health'

export interface Bucket { at: number; width: number; long: boolean; n: Record<Group, number> }

/** Counts by time in equal steps, the empty ones too; without bounds, over what there is. */
export function buckets(t: Totals, from = 0, to = 0, now = Date.now()): Bucket[] {
  const width = t.width * 1000
  if (t.steps.length === 0 || !t.from || !t.to || width <= 0) return []
  const lo = from || Date.parse(t.from), hi = Math.max(to && to < now ? to : 0, Date.parse(t.to))
  const first = Math.floor(lo / width), n = Math.max(12, Math.floor(hi / width) - first + 1)
  const out = Array.from({ length: n }, (_, i): Bucket => ({ at: (first + i) * width, width, long: n * width > 86_400_000, n: { good: 0, declined: 0, reversed: 0, open: 0, person: 0 } }))
  for (const x of t.steps) {
    const b = out[Math.floor(Date.parse(x.at) / width) - first]
    if (b) b.n[groupOf(x.state, x.zero ? 0 : 1)] += x.count
  }
  return out
}
