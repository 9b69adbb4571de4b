import { codeText, responseCode, yuan } from '@bankside/kit'
import type { Texter } from './health'

interface Body { time?: string; kind?: string; device?: string; data?: Record<string, unknown> }
export interface Line { at: string; kind: string; text: string; why: string; tone: 'quiet' | 'good' | 'warn' | 'bad' }

const bad = new Set(['GUARD_REFUSED', 'UNCLEAR', 'DEPOSIT_UNCLEAR', 'SUSPENSE', 'CARD_RETAINED', 'ALARM'])
const warn = new Set(['RETRACT_INTENT', 'RETRACTED', 'NOT_DISPENSED', 'REVERSE', 'RECOVERY'])
const good = new Set(['TAKEN', 'DEPOSIT_CLOSED', 'COMMIT', 'SETTLE_ACK'])

const money = (v: unknown): string => yuan(typeof v === 'number' ? v : 0)
const str = (v: unknown): string => (typeof v === 'string' ? v : typeof v === 'number' ? String(v) : '')

/** Reasons are codes of field 39 or words. */
const reason = (r: string, w: Texter): string => { const v = w.word('revReason', r); return v === r ? w.word('endReason', r) : v }

/** One record of the terminal's journal in plain words. */
export function lineOf(body: unknown, w: Texter): Line {
  const b = (body && typeof body === 'object' ? body : {}) as Body
  const d = b.data && typeof b.data === 'object' ? b.data : {}
  const kind = str(b.kind)
  const plan = Object.entries((d.plan ?? {}) as Record<string, unknown>).map(([u, n]) => w.t('j.sheets', { u, n: str(n) })).join(w.lang === 'en' ? ', ' : '、')
  const code = str(d.code)
  const host = code && responseCode(code)
  const result = [w.word('j', str(d.host)), code && `${code}${host ? ` ${codeText(host.name, w.lang)}` : ''}`].filter(Boolean).join(' · ')
  const key = kind === 'HOST_INTENT' && !d.amount ? 'HOST_INTENT0' : kind === 'COMMIT' && b.device === 'acceptor' ? 'COMMIT_IN' : kind
  const notes = Object.values(((d.taken as Record<string, unknown>)?.['X-types'] ?? {}) as Record<string, Record<string, number>>)
  const sum = (what: string): string => money(notes.reduce((n, t) => n + (t[what] ?? 0) * (t['X-value'] ?? 0), 0))
  const values = {
    kind: w.word('kind', str(d.type)), credited: sum('credited'), escrow: sum('escrow'), amount: money(d.amount), plan, paid: money(d.paid), result, who: str(d.manager) || str(d.by) || '—',
    state: w.word('j', str(d.state)), why: w.word('rule', str(d.rule)), text: [w.word('alarmCode', str(d.kind)), detailText(str(d.text), w)].filter(Boolean).join(' · ')
  }
  const known = w.word('j', key)
  return {
    at: str(b.time), kind, text: known === key ? kind || '?' : w.t(`j.${key}`, values),
    why: kind === 'ALARM' || d.reason === 'done' ? '' : str(d.why) || reason(str(d.reason), w) || str(d.note),
    tone: bad.has(kind) ? 'bad' : warn.has(kind) ? 'warn' : good.has(kind) ? 'good' : 'quiet'
  }
}

/** What an alarm tells; the guard's rules are known by name. */
export function detailText(detail: string, w: Texter): string {
  const m = /^guard: ([a-z-]+): /.exec(detail)
  const rule = m ? w.word('rule', m[1] as string) : ''
  return m && rule !== m[1] ? rule : detail
}

/** The server's note to a step, in the reader's language where it is one of the usual ones. */
export function noteText(note: string, w: Texter): string {
  const m = /^(host answered|reversal answered|credit answered) (\S+)$/.exec(note)
  if (m) {
    const c = responseCode(m[2] as string)
    return w.t(`note.${m[1]}`, { rc: `${m[2]}${c ? ` ${codeText(c.name, w.lang)}` : ''}` })
  }
  const r = /^reversed by the terminal, reason (\S+)$/.exec(note)
  if (r) return w.t('note.terminal reverses', { rc: w.word('revReason', r[1] as string) })
  return w.word('note', note)
}
