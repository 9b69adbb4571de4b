import { fenOf, type Search } from '@bankside/kit'
import type { LocationQuery } from 'vue-router'

/** Texts that are asked for as they are. */
export const plain = ['stan', 'merchant', 'auth', 'host', 'channel', 'day'] as const
/** What the form of the transactions page holds: texts as typed, times as ISO. The card number is not part of it: it never comes into an address. */
export interface Filter extends Record<(typeof plain)[number], string> { terminal: string; from: string; to: string; state: string; min: string; max: string; reference: string; page: number; size: number }
export const sizes = [20, 50, 100, 200]

const one = (q: LocationQuery, k: string): string => { const v = q[k]; return (Array.isArray(v) ? v[0] : v) ?? '' }
const when = (s: string): string => (s && !Number.isNaN(Date.parse(s)) ? new Date(s).toISOString() : '')

export function fromQuery(q: LocationQuery): Filter {
  const size = Number(one(q, 'size'))
  return {
    terminal: one(q, 'terminal'), from: when(one(q, 'from')), to: when(one(q, 'to')), state: one(q, 'state'), min: one(q, 'min'), max: one(q, 'max'),
    stan: one(q, 'stan'), merchant: one(q, 'merchant'), auth: one(q, 'auth'), host: one(q, 'host'), channel: one(q, 'channel'), day: one(q, 'day'),
    reference: one(q, 'reference'), page: Math.max(1, Math.floor(Number(one(q, 'page'))) || 1), size: sizes.includes(size) ? size : 20
  }
}

export function toQuery(f: Filter): Record<string, string> {
  const q: Record<string, string> = {}
  for (const k of ['terminal', 'from', 'to', 'state', 'min', 'max', 'reference', ...plain] as const) if (f[k].trim()) q[k] = f[k].trim()
  if (f.page > 1) q.page = String(f.page)
  if (f.size !== 20) q.size = String(f.size)
  return q
}

/** The server's search without paging; amounts that are none are left out (the form says so). */
export function toSearch(f: Filter, pan: string): Search {
  const s: Search = {}
  if (f.terminal.trim()) s.terminal = f.terminal.trim()
  if (f.from) s.from = f.from
  if (f.to) s.to = f.to
  if (f.state) s.state = f.state
  if (f.reference.trim()) s.reference = f.reference.trim()
  for (const k of plain) if (f[k].trim()) s[k] = k === 'day' ? f[k].replace(/[-\s]/g, '') : f[k].trim()
  const lo = fenOf(f.min), hi = fenOf(f.max)
  if (lo !== undefined) s.amountMin = lo
  if (hi !== undefined) s.amountMax = hi
  const digits = pan.replace(/\s/g, '')
  if (digits) s.pan = digits
  return s
}
