import type { LimitUse, Product } from '@bankside/kit'

/** Whether a product has everything that is searched for in it: names, message, field 3, steps, channels, fields. words are what the page calls these. */
export function matches(p: Product, search: string, words: (p: Product) => readonly string[]): boolean {
  const text = [p.name, p.title.zh, p.title.en, p.type, p.code, p.group, p.mcc ?? '', ...p.steps, ...p.fields, ...p.channels, ...words(p)].join(' ').toLowerCase()
  return search.toLowerCase().split(/\s+/).every((w) => text.includes(w))
}

/** How it ends: the notes that are taken are booked, the terminal tells, or the host's answer is the end. */
export function endOf(p: Product): 'credit' | 'confirm' | 'answer' { return p.credit ? 'credit' : p.confirm ? 'confirm' : 'answer' }

/** The greater part of what is used of a limit, 0 to 1; undefined where every transaction stands for itself. */
export function usedPart(u: LimitUse): number | undefined {
  if (u.limit.per === 'transaction') return undefined
  return Math.min(1, Math.max(u.limit.amount ? u.usedAmount / u.limit.amount : 0, u.limit.count ? u.usedCount / u.limit.count : 0))
}

/** "2026112210" → "2026-11-22 10:00", a day or a month as it is. */
export function periodText(p: string): string {
  const d = [p.slice(0, 4), p.slice(4, 6), p.slice(6, 8)].filter((x) => x).join('-')
  return p.length === 10 ? `${d} ${p.slice(8)}:00` : d
}

/** Millionths as a percentage without needless digits. */
export function ppm(n: number): string { return `${String(Number((n / 10_000).toFixed(4)))}%` }
