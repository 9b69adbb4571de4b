import { useI18n } from 'vue-i18n'
import { DeviceError, type Payload, type Service } from '@counter/sjsl'

/** What X-Operator.* answers (terminal/internal/operator). */
export interface Unit { currency: string; value: number; initial: number; count: number; rejected?: number; retracted?: number; device?: string; inaccurate?: boolean; estimated?: boolean }
export interface Stock { id: string; zh: string; en: string; count: number; warn: number; short: boolean }
export interface Open { id: string; amount: number; paid?: number }
export interface Overview { devices: { id: string; model: string; state: string; reason?: string }[]; units: Record<string, Unit>; stock: Stock[]; box?: Box; suspense: Open[]; retained: number; records: number; books?: Folio[] }
/** The acceptor's cash box as the books have it; amounts in minor units. */
export interface Box { notes: { value: number; count: number }[]; amount: number; count: number; unclear?: boolean; state: string }
export interface BoxImage { booked: number; counted: number; difference: number }
/** A passbook whose printing broke off: lines from…to were to be printed from that line of the page on. */
export interface Folio { id: number; account: string; from: number; to: number; line: number }
export interface Step { name: string; ok: boolean; detail?: string; millis: number }
export interface Entry { seq: number; time: string; kind: string; txn?: string; device?: string; data?: Record<string, unknown> }
export interface Image { unit: string; before: Unit; after: Unit; line: { booked: number; counted: number; added: number; removed: number }; difference: number }

/** Why a command was refused: a word that has a text, and the engineers' words. */
export interface Refusal { reason: string; detail: string }

export function refusal(e: unknown): Refusal {
  if (e instanceof DeviceError) {
    const p = e.payload as { 'X-reason'?: string; 'X-detail'?: string }
    return { reason: p['X-reason'] ?? e.code, detail: p['X-detail'] ?? e.message }
  }
  return { reason: 'failed', detail: String(e) }
}

/** Says a refusal in the person's language; the engineers' words only where there is no text. */
export function useSay(): (e: unknown) => string {
  const { t, te } = useI18n()
  return (e) => {
    const r = refusal(e)
    return te(`staff.why.${r.reason}`) ? t(`staff.why.${r.reason}`) : t('staff.why.failed', { detail: r.detail })
  }
}

/** The operator service as the staff pages use it. */
export class Desk {
  constructor(private service: Service) {}
  private call = <T>(name: string, payload: Payload = {}) => this.service.call<T & Payload>(`X-Operator.${name}`, payload) as Promise<T>
  signIn = (name: string, password: string) => this.call<{ operator: { name: string; display: string } }>('SignIn', { name, password })
  signOut = () => this.call('SignOut')
  overview = () => this.call<Overview>('Overview')
  selfTest = (device: string) => this.call<{ steps: Step[] }>('SelfTest', { device })
  rearm = (device: string) => this.call('Rearm', { device })
  journal = (before: number, txn: string) => this.call<{ records: Entry[] }>('Journal', { before, txn })
  exchange = (units: Record<string, { counted: number; added: number; removed: number }>) => this.call<{ images: Image[] }>('Exchange', { units })
  emptyBox = (counted: number) => this.call<BoxImage>('EmptyBox', { counted })
  passbook = (id: number, complete: number, used: number) => this.call('Passbook', { id, complete, used })
  stock = (item: string, move: string, quantity: number, first = '', last = '') => this.call<{ after: number }>('Stock', { item, move, quantity, first, last })
}
