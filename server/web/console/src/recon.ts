import { csvLine, yuan, type Day, type DayTotal, type Difference, type ReconRun } from '@bankside/kit'
import { groupOf, type Group } from './health'

/** "20261122" → "2026-11-22" */
export function dayText(day: string): string { return /^\d{8}$/.test(day) ? `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}` : day || '—' }
/** The settlement day at a moment: China has one time. */
export function today(at = Date.now()): string { return new Date(at + 8 * 3_600_000).toISOString().slice(0, 10).replaceAll('-', '') }

/** The part of both books that agrees, 0 to 1. */
export function agrees(r: ReconRun): number { const n = Math.max(r.ours, r.theirs); return n === 0 ? 1 : r.matched / n }

/** Differences of one book and class, which are one owner's: what is to be done, and how much it is about. */
export interface Heap { host: string; book: Difference['book']; class: string; owner: string; count: number; gap: number }

/** What differs, heaped by book, class and owner; the largest first. */
export function heaps(list: readonly Difference[]): Heap[] {
  const by = new Map<string, Heap>()
  for (const d of list) {
    const k = [d.host, d.book, d.class, d.owner].join(' ')
    const h = by.get(k) ?? { host: d.host, book: d.book, class: d.class, owner: d.owner, count: 0, gap: 0 }
    h.count++
    if (d.ours !== undefined || d.theirs !== undefined) h.gap += (d.theirs ?? 0) - (d.ours ?? 0)
    by.set(k, h)
  }
  return [...by.values()].sort((a, b) => a.host.localeCompare(b.host) || a.book.localeCompare(b.book) || b.count - a.count)
}

/** What a host's newest book does not show any more; first is who compared it, or the first of two who agree with what a program compared. */
export interface Absent { host: string; digest: string; first: string; count: number }

/** The books of a day that a second person has to agree with. */
export function absent(d: Day): Absent[] {
  const out: Absent[] = []
  for (const x of d.differences) {
    if (x.state !== 'absent') continue
    const same = out.find((b) => b.host === x.host && b.first === x.first)
    if (same) same.count++
    else out.push({ host: x.host, digest: d.runs.find((r) => r.host === x.host && r.book === 'host')?.digest ?? '', first: x.first, count: 1 })
  }
  return out
}

/** A line of the day's report; level tells what it adds up: a product, a terminal, a branch or everything. */
export interface Line { level: 'product' | 'terminal' | 'branch' | 'all'; branch: string; terminal: string; kind: string; count: number; amount: number; n: Record<Group, number> }

const line = (level: Line['level'], branch = '', terminal = '', kind = ''): Line => ({ level, branch, terminal, kind, count: 0, amount: 0, n: { good: 0, declined: 0, reversed: 0, open: 0, person: 0 } })

/** The report of a day: each product of each terminal, then the terminal, the branch and all. The amount is what was paid where that is known, else what succeeded. */
export function report(totals: readonly DayTotal[]): Line[] {
  const branches = new Map<string, Map<string, Map<string, Line>>>()
  const add = (l: Line, x: DayTotal): void => {
    const g = groupOf(x.state, x.amount)
    l.count += x.count
    l.n[g] += x.count
    l.amount += x.paid || (g === 'good' ? x.amount : 0)
  }
  const all = line('all'), perBranch = new Map<string, Line>(), perTerminal = new Map<string, Line>()
  const get = <K, V>(m: Map<K, V>, k: K, make: () => V): V => { let v = m.get(k); if (v === undefined) { v = make(); m.set(k, v) } return v }
  for (const x of totals) {
    const products = get(get(branches, x.branch, () => new Map<string, Map<string, Line>>()), x.terminal, () => new Map<string, Line>())
    add(get(products, x.kind, () => line('product', x.branch, x.terminal, x.kind)), x)
    add(get(perTerminal, `${x.branch} ${x.terminal}`, () => line('terminal', x.branch, x.terminal)), x)
    add(get(perBranch, x.branch, () => line('branch', x.branch)), x)
    add(all, x)
  }
  const out: Line[] = []
  for (const [b, terminals] of [...branches].sort(([x], [y]) => x.localeCompare(y))) {
    for (const [id, products] of [...terminals].sort(([x], [y]) => x.localeCompare(y))) out.push(...products.values(), perTerminal.get(`${b} ${id}`) ?? line('terminal'))
    out.push(perBranch.get(b) ?? line('branch'))
  }
  if (out.length) out.push(all)
  return out
}

/** The report as a spreadsheet reads it. */
export function reportCSV(lines: readonly Line[], t: (k: string) => string, word: (g: string, n: string) => string): string {
  const head = ['level', 'branch', 'terminal', 'product', 'count', 'good', 'declined', 'reversed', 'openOnes', 'amount'].map((k) => t(`recon.${k}`))
  const rows = lines.map((l) => csvLine([t(`recon.levels.${l.level}`), l.branch, l.terminal, l.kind && word('kind', l.kind), l.count, l.n.good, l.n.declined, l.n.reversed, l.n.open + l.n.person, yuan(l.amount).replaceAll(',', '')]))
  return `\uFEFF${[csvLine(head), ...rows].join('\r\n')}\r\n`
}
