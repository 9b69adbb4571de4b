// The wire types of the management API; server/api/mgmt is the original.
export interface Me { name: string; display: string; role: 'operator' | 'manager' | 'teller' | 'admin'; branch: string }
/** A person as administrators see one; by is who added one that waits for a second administrator. */
export interface User extends Me { state: 'on' | 'first' | 'waiting' | 'off'; by?: string; created: string }
export interface NewUser { name: string; display: string; role: Me['role']; branch: string; password: string }
export interface Module { name: string; model: string; status: string; detail: string; ageSeconds: number }
export interface CashUnit {
  /** recycle: customers fill it, initial is its high mark; box: the cash box, amount in all. */
  kind?: string; amount?: number
  id: string; currency: string; value: number; count: number; initial: number; rejected: number; status: string; ageSeconds: number
}
export interface Terminal {
  id: string; branch: string; nameZH: string; nameEN: string; zone: string; enabled: boolean; online: boolean; state: string; ageSeconds: number
  lease: string; bundle: string; version: string; assigned: string; outbox: number; modules: Module[]; cash: CashUnit[]
}
export interface Search {
  terminal?: string; from?: string; to?: string; state?: string; amountMin?: number; amountMax?: number; reference?: string; pan?: string
  maskedPan?: string; number?: string; batch?: string; stan?: string; kind?: string; response?: string
  /** These want a key or a day of time beside them: the journal has no index for them. */
  merchant?: string; auth?: string; host?: string; channel?: string; day?: string
  page?: number; size?: number
}
export interface Page<T> { items: T[]; total: number }
export interface Pages<T> extends Page<T> { page: number; size: number; pages: number }
/** What all matches of a search add up to; width is that of a step, in seconds. */
export interface TotalStep { at: string; state: string; zero: boolean; count: number; amount: number; paid: number }
export interface Totals { count: number; amount: number; paid: number; from?: string; to?: string; width: number; steps: TotalStep[] }
export interface Transaction {
  id: string; terminal: string; kind: string; batch: string; stan: string; amount: number; paid?: number; state: string; response: string
  textZH: string; textEN: string; reference: string; auth: string; merchant: string; channel: string; host: string; day: string; pan: string; note: string; created: string; updated: string
}
export interface Step { at: string; state: string; note: string }
export interface Messages { fromTerminal: string; toHost: string; fromHost: string; toTerminal: string }
export interface Reversal { state: 'pending' | 'reversed' | 'notFound' | 'stuck'; reason: string; paid?: number; attempts: number; response: string; next: string }
export interface JournalRecord { seq: number; hash: string; body: unknown }
export interface Story { transaction: Transaction; steps: Step[]; messages: Messages; reversal?: Reversal; journal: JournalRecord[]; signatures: SignatureRef[] }
export interface SignatureRef { digest: string; document: string; received: string }
/** Strokes are points [x, y, ms, pressure] in thousandths of the field. */
export interface Signature { document: string; text: string; strokes: number[][][] }
export interface Approval {
  id: string; terminal: string; branch: string; kind: string; amount: number; pan: string
  state: 'pending' | 'approved' | 'rejected' | 'expired' | 'cancelled'
  manager: string; code: string; note: string; created: string; expires: string
  decided?: string // not told by every server
  signers?: number; signed?: string[] // persons who must agree, and those who have
  role?: 'manager' | 'teller'; case?: string; title?: Text // a step of business in steps
}
export interface Text { zh: string; en: string }
/** Business in steps. What the customer told is there in a single case only, for those who decide. */
export interface Case {
  number: string; kind: string; title: Text; terminal: string; branch: string; amount: number; pan: string
  state: 'open' | 'ready' | 'used' | 'refused' | 'withdrawn' | 'expired'; journal?: string; left?: string[]; created: string; expires: string
  data?: Record<string, string>; steps?: CaseStep[]; approval?: Approval
}
export interface CaseStep {
  name: string; title: Text; by: 'terminal' | 'teller' | 'manager'; state: 'waiting' | 'current' | 'done' | 'refused'
  who?: string; code?: string; note?: string; at?: string; data?: Record<string, string>
}
export interface Bundle { digest: string; name: string; version: string; size: number; files: number; by: string; created: string }
export interface Assignment { digest: string; name: string; version: string; by: string; created: string }
export interface Alarm { terminal: string; id: string; code: string; severity: string; module: string; detail: string; at: string; cleared: boolean }
export interface CommandArgs { txn?: string; paid?: number; handed?: boolean; units?: Record<string, { currency: string; value: number; count: number }> }
export interface NewCommand { kind: string; note: string; args: CommandArgs }
export interface Command {
  id: string; kind: string; args: CommandArgs; note: string; state: 'proposed' | 'ready' | 'sent' | 'done' | 'failed' | 'withdrawn' | 'expired'
  by: string; second: string; result: string; created: string; expires: string; updated: string
}
/** The switch of online transactions: server/api/mgmt/switch.go. */
export interface Link {
  kind: string; up: number; want: number; inFlight: number; queued: number; sent: number; answered: number; late: number; orphan: number
  garbage: number; lost: number; timeouts: number; reconnects: number; lastError: string; lastErrorAt?: string
}
/** One of several servers; a silent one has not been heard of for a while. */
export interface Server { name: string; at: string; silent?: boolean; here?: boolean; cache?: Cache }
/** How the copies of one server are doing; counters since its start. */
export interface Cache { kind: string; hits: number; misses: number; bypassed: number; away: boolean; since?: string; pending: number }
export interface Host {
  server?: string; name: string; dialect: string; state: 'up' | 'down' | 'signedOff' | 'breaker'; since?: string; breaker: 'closed' | 'open' | 'trying'; day: string; limit: number
  refused: number; barred: number; opened: number; answered: number; unknown: number; macErrors: number; formatErrors: number; meanMicros: number; link: Link
}
export interface Channel {
  server?: string; name: string; dialect: string; kind: string; listen: string; state: 'up' | 'quiet' | 'full' | 'down'; since?: string
  inFlight: number; limit: number; limitOf: 'requests' | 'connections'; open: number; want: number; accepted: number; refused: number; frames: number
  garbage: number; macErrors: number; unsigned: number; strangers: number; lastError: string; lastErrorOf?: string; lastErrorAt?: string
}
export interface Switch { servers?: Server[]; hosts: Host[]; channels: Channel[] }
export type MeterBy = 'all' | 'channel' | 'host' | 'product'
export interface MeterPoint {
  at: string; channel?: string; host?: string; product?: string; count: number; approved: number; declined: number; notSent: number; doubt: number
  meanMicros: number; maxMicros: number
}
export type MeterSpan = 'today' | 'yesterday' | 'week'
/** from: where days were asked for; since: the begin of the oldest sums that are kept of days. */
export interface Meter { from?: string; since?: string; now: string; seconds: number; step: number; points: MeterPoint[] }
export interface Waiting { server?: string; transaction: string; terminal: string; host: string; kind: 'reversal' | 'credit'; attempts: number; response: string; created: string; next: string }
/** drainSeconds is -1 when it cannot be told. */
export interface Queue { depth: number; oldestAge: number; lastMinute: number; drainSeconds: number; waiting: Waiting[] }
export interface ReconRun { day: string; host: string; book: 'host' | 'partner' | 'terminal' | 'counts'; digest: string; ours: number; theirs: number; matched: number; ourAmount: number; theirAmount: number; at: string }
export interface Difference {
  id: string; day: string; host: string; book: 'host' | 'partner' | 'terminal' | 'counts' | 'reversal'; class: string; transaction?: string; terminal: string; branch: string; reference: string
  ours?: number; theirs?: number; owner: string; state: 'open' | 'proposed' | 'settled' | 'gone' | 'absent'; first: string; payment?: boolean; refunded?: boolean; note: string; at: string
}
export interface DayTotal { branch: string; terminal: string; kind: string; state: string; count: number; amount: number; paid: number }
export interface Day { day: string; runs: ReconRun[]; differences: Difference[]; totals: DayTotal[]; archived?: boolean }
/** Whose books may come, and in which formats; of is whose a format usually is. */
export interface Books { from: { name: string; kind: 'host' | 'partner' }[]; formats: { name: string; of?: string }[] }
export interface Block { kind: 'card' | 'terminal' | 'merchant'; name: string; note: string; by: string; at: string }
export interface NewBlock { kind: string; subject: string; note: string }
/** What the bank has agreed on: server/api/mgmt/business.go. */
export interface Product {
  name: string; title: Text; group: string; type: string; code: string; mcc?: string; moves: '' | 'money' | 'thing'; pays: '' | 'merchant' | 'party' | 'other' | 'customer'; party?: string; confirm: boolean; credit: boolean
  fields: string[]; steps: string[]; channels: string[]
}
export interface Limit { name: string; of: string; per: 'transaction' | 'hour' | 'day' | 'month'; amount: number; count: number; products: string[]; channels: string[]; bins: string[]; code: string }
export interface LimitUse { limit: Limit; period: string; usedAmount: number; usedCount: number }
export interface Used { kind: string; name: string; blocked: boolean; note: string; uses: LimitUse[] }
export interface Share { receiver: string; ppm: number }
export interface Merchant {
  number: string; branch: string; nameZH: string; nameEN: string; feePPM: number; feeMin: number; feeMax: number; enabled: boolean; blocked: boolean
  shares: Share[]; terminals: string[]
}
export interface ClearedMerchant { number: string; nameZH: string; nameEN: string; count: number; gross: number; fee: number; parts: { receiver: string; amount: number }[] }
export interface Clearing { day: string; ran: boolean; at?: string; by?: string; early: boolean; count: number; gross: number; fee: number; unsaid: number; held: number; heldAmount: number; refunded: number; closed: number; closedAmount: number; byHand: number; byHandAmount: number; unregistered: number; unregisteredAmount: number; merchants: Pages<ClearedMerchant> }
export type FormatFrom = 'builtin' | 'server' | 'draft'
/** used: hosts and channels whose configuration loads this very file at the start. */
export interface Format { name: string; from: FormatFrom; path?: string; used: string[] }
export interface FormatText extends Format { yaml: string; digest: string }
export interface Preview { yaml: string; transaction?: string; message?: string }
/** line is 0 when the place is not known. */
export interface FormatFail { in: 'yaml' | 'transaction' | 'message'; line: number; column: number; reason: string }
export interface Previewed { name: string; kind: string; hex: string; described: string; error?: FormatFail }
export interface LiveEvent { kind: 'terminal' | 'transaction' | 'command' | 'approval' | 'alarm' | 'bundle' | 'resync'; id: string }
