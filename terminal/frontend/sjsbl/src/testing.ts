// A scripted platform for tests of sequences and screens: no sockets, no devices.

import { DeviceError, LINK_LOST, type Payload, type Sjsl, type TerminalInfo } from '@counter/sjsl'
import type { Stage } from './context'

type Options = { timeout?: number; onEvent?: (name: string, p: Payload) => void; signal?: AbortSignal }
/** Answers a command, or throws; `waits` leaves it open until it is canceled. */
export type Script = Record<string, (payload: Payload, opt: Options) => unknown>

export class FakeService {
  private listeners = new Set<(name: string, p: Payload) => void>()
  private open = new Set<(e: Error) => void>()
  constructor(
    readonly calls: { name: string; payload: Payload }[],
    private script: Script,
    private up: () => boolean
  ) {}
  async call(name: string, payload: Payload = {}, opt: Options = {}): Promise<unknown> {
    if (!this.up()) throw new DeviceError(name, LINK_LOST, '', {})
    this.calls.push({ name, payload })
    // As the real link: what is open when it is lost fails.
    const lost = new Promise<never>((_, reject) => this.open.add((e) => reject(e)))
    return (await Promise.race([this.script[name]?.(payload, opt), lost])) ?? {}
  }
  lose(): void {
    for (const f of this.open) f(new DeviceError('', LINK_LOST, '', {}))
    this.open.clear()
  }
  get connected(): boolean {
    return this.up()
  }
  on(f: (name: string, p: Payload) => void): () => void {
    this.listeners.add(f)
    return () => this.listeners.delete(f)
  }
  say(name: string, p: Payload = {}): void {
    for (const f of [...this.listeners]) f(name, p)
  }
}

export class FakeSjsl {
  calls: { name: string; payload: Payload }[] = []
  logs: string[] = []
  connected = true
  private watchers = new Set<(up: boolean) => void>()
  readonly card: FakeService
  readonly cash: FakeService
  readonly pinpad: FakeService
  readonly printer: FakeService
  readonly platform: FakeService
  readonly acceptor: FakeService
  constructor(script: Script) {
    const make = () => new FakeService(this.calls, script, () => this.connected)
    this.card = make()
    this.cash = make()
    this.pinpad = make()
    this.printer = make()
    this.platform = make()
    this.acceptor = make()
  }
  onState(f: (up: boolean) => void): () => void {
    this.watchers.add(f)
    return () => this.watchers.delete(f)
  }
  setUp(up: boolean): void {
    this.connected = up
    for (const f of [...this.watchers]) f(up)
    if (!up) for (const s of [this.card, this.cash, this.pinpad, this.printer, this.platform, this.acceptor]) s.lose()
  }
  info = () => this.platform.call('X-Terminal.Info')
  log = (_: string, message: string) => void this.logs.push(message)
  get sjsl(): Sjsl {
    return this as unknown as Sjsl
  }
  /** Names of the commands so far. */
  get names(): string[] {
    return this.calls.map((c) => c.name)
  }
}

/** Leaves a command open until it is canceled, as a device does. */
export function waits(_: Payload, opt: Options): Promise<never> {
  return new Promise((_, reject) => opt.signal?.addEventListener('abort', () => reject(new DeviceError('', 'canceled', '', {}))))
}

export function fails(code: string, errorCode = '', payload: Payload = {}): () => never {
  return () => {
    throw new DeviceError('', code, errorCode, payload)
  }
}

export const blankStage = (): Stage => ({ screen: '', params: {}, step: 0, steps: 0, cancel: false, attention: false })

export const someInfo = (): TerminalInfo => ({
  terminal: '10010001',
  branch: '001',
  name: { zh: '解放路支行大堂 1 号', en: 'Jiefang Road lobby 1' },
  bundle: { name: 'counter', version: '1.0.0', digest: 'd1' },
  services: { withdrawal: { available: true }, deposit: { available: true }, balance: { available: true }, pinChange: { available: true }, statement: { available: true }, receipt: { available: true }, cardIssue: { available: true }, passbook: { available: true }, transfer: { available: true } },
  limits: { padOver: 500000, perTxn: 2000000, multiple: 10000, deposit: 5000000 },
  timeouts: { idle: 60, warn: 20, card: 30, cash: 30 }
})
