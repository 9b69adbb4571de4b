// SJSL, the standard JavaScript library of a counter: the only way by which pages reach devices,
// logs, the data pool and the host. It opens the links to the native platform, sends commands,
// hands out events, and connects again by itself. Flows import SJSBL, which sits on this.

import { Service, type Config } from './link'
import type { Json, Payload } from './wire'

export { Service, type CallOptions, type Config, type Socket } from './link'
export { DeviceError, LINK_LOST, REFUSED, type Json, type Payload } from './wire'

export type Lang = 'zh' | 'en'
export interface Text {
  zh: string
  en: string
}

/** What X-Terminal.Info answers. */
export interface TerminalInfo {
  terminal: string
  branch: string
  name: Text
  bundle: { name: string; version: string; digest: string }
  /** What the terminal is; what an information display shows; what customers can wait for. */
  scenes?: string[]
  notices?: Text[]
  queues?: { prefix: string; name: Text }[]
  services: Record<string, { available: boolean; reason?: string }>
  /** The reader has an antenna: a card may be held to it. */
  tap?: boolean
  limits: { padOver: number; perTxn: number; multiple: number; deposit?: number; depositOver?: number }
  timeouts: { idle: number; warn: number; card: number; cash: number }
}

/** All services of one terminal. */
export class Sjsl {
  private staff?: Service
  private taker?: Service
  readonly card: Service
  readonly cash: Service
  readonly pinpad: Service
  readonly printer: Service
  readonly platform: Service

  constructor(private cfg: Config) {
    const make = (name: string) => new Service(name, cfg)
    this.card = make('card')
    this.cash = make('cash')
    this.pinpad = make('pinpad')
    this.printer = make('printer')
    this.platform = make('platform')
  }

  /** The bank staff's service; its link is opened when it is first wanted. */
  get operator(): Service {
    return (this.staff ??= new Service('operator', this.cfg))
  }

  /** The service that takes notes in, where one is fitted; its link is opened when it is first wanted. */
  get acceptor(): Service {
    return (this.taker ??= new Service('acceptor', this.cfg))
  }

  get services(): Service[] {
    return [this.card, this.cash, this.pinpad, this.printer, this.platform]
  }

  /** True while every service is connected. */
  get connected(): boolean {
    return this.services.every((s) => s.connected)
  }

  onState(f: (up: boolean) => void): () => void {
    const stops = this.services.map((s) => s.onState(() => f(this.connected)))
    return () => stops.forEach((stop) => stop())
  }

  info(): Promise<TerminalInfo> {
    return this.platform.call<TerminalInfo>('X-Terminal.Info')
  }

  /** Writes a line into the terminal's log; a lost link loses it, nothing more. */
  log(level: 'info' | 'warn' | 'error', message: string, fields: Payload = {}): void {
    this.platform.call('X-Log.Write', { level, message, fields }).catch(() => undefined)
  }

  /** The session's data pool; the platform empties it at the session's end. */
  readonly pool = {
    set: (key: string, value: Json) => this.platform.call('X-Pool.Set', { key, value }),
    get: async <T extends Json>(key: string) => (await this.platform.call<{ value: T }>('X-Pool.Get', { key })).value,
    clear: () => this.platform.call('X-Pool.Clear')
  }

  close(): void {
    this.services.forEach((s) => s.close())
    this.staff?.close()
    this.taker?.close()
  }
}
