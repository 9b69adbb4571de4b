import { span, type Lang, type Terminal } from '@bankside/kit'

/** What an operator must know of a terminal, worst first. */
export const healths = ['offline', 'fault', 'attention', 'stopped', 'busy', 'ok', 'disabled'] as const
export type Health = (typeof healths)[number]
export const troubled: readonly Health[] = ['offline', 'fault', 'attention']

/** A terminal that has not been heard for so long is offline, whatever it said last. */
export const silence = 30

/** age in seconds as it is now: the server's figure plus the time since it was fetched. */
export function ageNow(age: number, fetched: number, now: number): number {
  return age < 0 ? -1 : age + Math.max(0, Math.floor((now - fetched) / 1000))
}

const wellDevice = new Set(['online', 'deviceBusy', 'starting'])
export function moduleTone(status: string): 'good' | 'bad' { return wellDevice.has(status) ? 'good' : 'bad' }

export function unitTone(status: string): 'good' | 'warn' | 'bad' {
  return status === 'ok' || status === 'high' ? 'good' : status === 'low' || status === 'inaccurate' || status === 'full' ? 'warn' : 'bad'
}

/** What people call a unit: its id, or what it is. */
export function unitName(c: { id: string; kind?: string; value: number }, w: Pick<Texter, 'word'>): string {
  return c.kind === 'box' ? w.word('unitKind', 'box') : c.kind === 'recycle' ? `${w.word('unitKind', 'recycle')} ${c.value / 100}` : c.id
}

export function healthOf(t: Terminal, age: number): Health {
  if (!t.enabled) return 'disabled'
  if (age < 0 || age >= silence) return 'offline'
  if (t.state === 'outOfService' || t.modules.some((m) => moduleTone(m.status) === 'bad')) return 'fault'
  if (t.cash.some((c) => unitTone(c.status) !== 'good')) return 'attention'
  if (t.state === 'maintenance' || t.state === 'starting') return 'stopped'
  return t.state === 'busy' || t.lease ? 'busy' : 'ok'
}

export function healthTone(h: Health): 'off' | 'bad' | 'warn' | 'busy' | 'good' {
  return h === 'offline' || h === 'disabled' ? 'off' : h === 'fault' ? 'bad' : h === 'attention' || h === 'stopped' ? 'warn' : h === 'busy' ? 'busy' : 'good'
}

export interface Texter { t: (k: string, v?: Record<string, unknown>) => string; word: (group: string, name: string) => string; lang: Lang }

/** Why a terminal is in trouble, in plain words. */
export function reasons(x: Terminal, age: number, w: Texter): string[] {
  if (age < 0) return [w.t('why.never')]
  if (age >= silence) return [w.t('why.offline', { d: span(age, w.lang) })]
  const out: string[] = []
  for (const m of x.modules) if (moduleTone(m.status) === 'bad') out.push(w.t('why.module', { m: w.word('module', m.name), s: w.word('device', m.status) }))
  if (x.state === 'outOfService' && out.length === 0) out.push(w.t('why.outOfService'))
  for (const c of x.cash) {
    if (unitTone(c.status) === 'good') continue
    const known = c.status === 'empty' || c.status === 'low' || c.status === 'inaccurate'
    out.push(w.t(known ? `why.${c.status}` : 'why.missing', { u: unitName(c, w), s: w.word('unit', c.status) }))
  }
  if (x.state === 'maintenance' || x.state === 'starting') out.push(w.t(`why.${x.state}`))
  if (x.outbox > 50) out.push(w.t('why.outbox', { n: x.outbox }))
  return out
}

export type Group = 'good' | 'declined' | 'reversed' | 'open' | 'person'
export const groups: readonly Group[] = ['good', 'declined', 'reversed', 'open', 'person']
const groupByState: Readonly<Record<string, Group>> = {
  CONFIRMED: 'good', CLOSED_BY_HAND: 'good', DECLINED: 'declined', NOT_SENT: 'declined', VOIDED: 'declined', REVERSED: 'reversed', REVERSAL_NOT_FOUND: 'reversed',
  INTENT: 'open', APPROVED: 'open', UNKNOWN: 'open', REVERSAL_PENDING: 'open', CREDIT_PENDING: 'open', SUSPENSE: 'person', REVERSAL_STUCK: 'person'
}
export const txnStates = Object.keys(groupByState)
/** A request without money is done when the host has approved it. */
export function groupOf(state: string, amount = 1): Group { return state === 'APPROVED' && amount === 0 ? 'good' : groupByState[state] ?? 'open' }
export function groupTone(g: Group): 'good' | 'off' | 'busy' | 'warn' | 'bad' {
  return g === 'good' ? 'good' : g === 'declined' ? 'off' : g === 'reversed' ? 'warn' : g === 'open' ? 'busy' : 'bad'
}
