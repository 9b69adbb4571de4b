import type {
  Alarm, Approval, Assignment, Block, Books, Bundle, Case, Clearing, Command, Day, Format, FormatFrom, FormatText, Limit, Me, Merchant, Meter, MeterBy, MeterSpan, NewBlock, NewCommand, NewUser, Page, Pages, Preview, Previewed, Product, Queue, Search, Signature, Story, Switch, Terminal, Totals, Transaction, Used, User
} from './types'
import { codeText, type Lang } from './codes'

/** An answer that is no success. code is a name of the code table or "Offline". */
export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, readonly detail: string, readonly data: unknown = null) { super(`${code}: ${detail}`) }

  /** The text for people. The server's own words follow only where they tell more. */
  text(lang: Lang): string {
    if (this.code === 'Offline') return lang === 'en' ? 'The server cannot be reached' : '无法连接服务器'
    const t = codeText(this.code, lang)
    return (this.code === 'BundleInvalid' || this.code === 'BadRequest') && this.detail ? `${t}${lang === 'en' ? ': ' : '：'}${this.detail}` : t
  }
}

export function errorText(e: unknown, lang: Lang): string {
  return e instanceof ApiError ? e.text(lang) : codeText('Internal', lang)
}

let onSignedOut = (): void => {}
/** f is called when the server no longer knows the session. */
export function whenSignedOut(f: () => void): void { onSignedOut = f }

/** Takes an answer's text apart; throws an ApiError unless it is a success. */
export function open<T>(status: number, text: string): T {
  let v: { code?: unknown; message?: unknown; data?: unknown } | null = null
  try { v = JSON.parse(text) } catch { /* handled below */ }
  if (!v || typeof v !== 'object' || typeof v.code !== 'string') {
    throw new ApiError(status, status === 413 ? 'TooLarge' : status >= 502 && status <= 504 ? 'Unavailable' : 'Internal', `HTTP ${status}`)
  }
  if (status >= 400 || v.code !== 'OK') throw new ApiError(status, v.code, typeof v.message === 'string' ? v.message : '', v.data ?? null)
  return v.data as T
}

const base = '/v2/api'

let offset = 0
/** The server's time: a Pad's own clock may be wrong by minutes. */
export function serverNow(): number { return Date.now() + offset }
/** Learns from an answer's Date, which has whole seconds: small differences are left alone. */
export function learnTime(date: string | null, local = Date.now()): void {
  const d = date ? Date.parse(date) + 500 - local : NaN
  if (!Number.isNaN(d)) offset = Math.abs(d) > 2000 ? d : 0
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  let r: Response
  try {
    r = await fetch(base + path, {
      method, credentials: 'same-origin', cache: 'no-store',
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body)
    })
  } catch { throw new ApiError(0, 'Offline', '') }
  learnTime(r.headers.get('Date'))
  const text = await r.text().catch(() => '')
  try { return open<T>(r.status, text) } catch (e) {
    if (e instanceof ApiError && e.code === 'NotSignedIn') onSignedOut()
    throw e
  }
}

/** upload sends a file with progress; fetch cannot tell it. */
function upload<T>(path: string, type: string, file: Blob, progress: (part: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest()
    x.open('POST', base + path)
    x.setRequestHeader('Content-Type', type)
    x.upload.onprogress = (e) => { if (e.lengthComputable) progress(e.loaded / e.total) }
    x.onerror = () => reject(new ApiError(0, 'Offline', ''))
    x.onload = () => {
      try { resolve(open<T>(x.status, x.responseText)) } catch (e) {
        if (e instanceof ApiError && e.code === 'NotSignedIn') onSignedOut()
        reject(e as Error)
      }
    }
    x.send(file)
  })
}

const id = encodeURIComponent

export const api = {
  signIn: (name: string, password: string, fresh = '') => call<Me>('POST', '/session', { name, password, ...(fresh ? { new: fresh } : {}) }),
  me: () => call<Me>('GET', '/session'),
  signOut: () => call<unknown>('DELETE', '/session'),
  terminals: () => call<Terminal[]>('GET', '/terminals'),
  history: (t: string) => call<Assignment[]>('GET', `/terminals/${id(t)}/bundles`),
  assign: (t: string, digest: string) => call<Assignment[]>('POST', `/terminals/${id(t)}/bundles`, { digest }),
  back: (t: string) => call<Assignment[]>('POST', `/terminals/${id(t)}/bundles/back`),
  commands: (t: string) => call<Command[]>('GET', `/terminals/${id(t)}/commands`),
  command: (t: string, c: NewCommand) => call<Command>('POST', `/terminals/${id(t)}/commands`, c),
  agreeCommand: (t: string, c: string) => call<Command>('POST', `/terminals/${id(t)}/commands/${id(c)}/agree`),
  withdrawCommand: (t: string, c: string) => call<Command>('POST', `/terminals/${id(t)}/commands/${id(c)}/withdraw`),
  search: (q: Search) => call<Page<Transaction>>('POST', '/transactions/search', q),
  totals: (q: Search) => call<Totals>('POST', '/transactions/totals', q),
  story: (t: string) => call<Story>('GET', `/transactions/${id(t)}`),
  signature: (t: string, digest: string) => call<Signature>('GET', `/transactions/${id(t)}/signatures/${id(digest)}`),
  close: (t: string, note: string) => call<{ closed: boolean }>('POST', `/transactions/${id(t)}/close`, { note }),
  approvals: (pending = false) => call<Approval[]>('GET', `/approvals?pending=${pending}`),
  approve: (a: string, password: string) => call<Approval>('POST', `/approvals/${id(a)}/approve`, { password, seenInPerson: true }),
  reject: (a: string, code: string, note: string) => call<Approval>('POST', `/approvals/${id(a)}/reject`, { code, ...(note ? { note } : {}) }),
  cases: (state = '') => call<Case[]>('GET', `/cases?state=${state}`),
  case: (n: string) => call<Case>('GET', `/cases/${id(n)}`),
  bundles: () => call<Bundle[]>('GET', '/bundles'),
  upload: (f: Blob, progress: (part: number) => void) => upload<Bundle>('/bundles', 'application/gzip', f, progress),
  switch: () => call<Switch>('GET', '/switch'),
  meter: (seconds: number, step: number, by: MeterBy) => call<Meter>('GET', `/switch/meter?seconds=${seconds}&step=${step}&by=${by}`),
  days: (span: MeterSpan, step: number, by: MeterBy) => call<Meter>('GET', `/switch/meter?span=${span}&step=${step}&by=${by}`),
  queue: () => call<Queue>('GET', '/switch/queue'),
  retryNow: (t: string) => call<unknown>('POST', `/switch/queue/${id(t)}/retry`),
  reconciliation: (day: string, all = false) => call<Day>('GET', `/reconciliation?day=${id(day)}&all=${all}`),
  books: () => call<Books>('GET', '/reconciliation/books'),
  book: (kind: 'host' | 'partner', from: string, day: string, format: string, f: Blob, progress: (part: number) => void) =>
    upload<Day>(`/reconciliation/books?${kind}=${id(from)}&day=${id(day)}&format=${id(format)}`, 'application/octet-stream', f, progress),
  agreeBook: (day: string, host: string, digest: string) => call<unknown>('POST', '/reconciliation/books/agree', { day, host, digest }),
  settle: (d: string, note: string, refunded = false) => call<unknown>('POST', `/reconciliation/${id(d)}/settle`, { note, refunded }),
  users: () => call<User[]>('GET', '/users'),
  addUser: (u: NewUser) => call<User>('POST', '/users', u),
  agreeUser: (u: User) => call<{ code: string }>('POST', `/users/${id(u.name)}/agree`, { role: u.role, branch: u.branch }),
  withdrawUser: (name: string) => call<unknown>('DELETE', `/users/${id(name)}`),
  blocks: () => call<Block[]>('GET', '/blocks'),
  block: (b: NewBlock) => call<unknown>('POST', '/blocks', b),
  lift: (b: NewBlock) => call<unknown>('POST', '/blocks/lift', b),
  products: () => call<Product[]>('GET', '/products'),
  limits: () => call<Limit[]>('GET', '/limits'),
  limitUse: (kind: string, subject: string) => call<Used>('POST', '/limits/use', { kind, subject }),
  merchants: (search: string, page = 0, size = 20) => call<Pages<Merchant>>('GET', `/merchants?search=${id(search)}&page=${page}&size=${size}`),
  clearing: (day: string, page = 0, size = 20) => call<Clearing>('GET', `/clearing?day=${id(day)}&page=${page}&size=${size}`),
  clear: (day: string) => call<Clearing>('POST', '/clearing', { day }),
  formats: () => call<Format[]>('GET', '/formats'),
  formatText: (name: string, from: FormatFrom) => call<FormatText>('GET', `/formats/${id(name)}?from=${from}`),
  putDraft: (name: string, yaml: string, before: string) => call<FormatText>('PUT', `/formats/${id(name)}`, { yaml, before }),
  dropDraft: (name: string, before: string) => call<unknown>('DELETE', `/formats/${id(name)}?before=${id(before)}`),
  previewFormat: (p: Preview) => call<Previewed>('POST', '/formats/preview', p),
  alarms: (all = false) => call<Alarm[]>('GET', `/alarms?all=${all}`)
}
