import type { Transaction } from '@bankside/kit'
import { groupOf, type Group } from './health'

export interface Bucket { at: number; width: number; long: boolean; n: Record<Group, number> }

const widths = [10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 86_400, 604_800].map((s) => s * 1000)

/** Counts by time in at most about 40 equal steps; without bounds, over what there is. */
export function buckets(items: readonly Transaction[], from = 0, to = 0): Bucket[] {
  const at = items.map((x) => Date.parse(x.created)).filter((x) => !Number.isNaN(x))
  if (at.length === 0) return []
  const lo = from || Math.min(...at), hi = Math.max(to && to < Date.now() ? to : 0, ...at)
  const width = widths.find((w) => (hi - lo) / w <= 40) ?? (widths.at(-1) as number)
  const first = Math.floor(lo / width), n = Math.max(12, Math.floor(hi / width) - first + 1)
  const out = Array.from({ length: n }, (_, i): Bucket => ({ at: (first + i) * width, width, long: n * width > 86_400_000, n: { good: 0, declined: 0, reversed: 0, open: 0, person: 0 } }))
  for (const x of items) {
    const b = out[Math.floor(Date.parse(x.created) / width) - first]
    if (b) b.n[groupOf(x.state, x.amount)]++
  }
  return out
}
