import { flows } from '@counter/flows'
import { Sjsl, type Lang, type TerminalInfo } from '@counter/sjsl'
import { Canceled, cardMedia, cashExit, Context, isLinkLost, library, pause, presentState, RECYCLER, TimedOut, waitCardGone, waitCashGone, walk, type Sequence, type Stage } from '@counter/sjsbl'
import { reactive, watch } from 'vue'
import { readConfig, type ShellConfig } from './config'

/** What the page shows beside the stage of the running sequence. */
export interface Face {
  info?: TerminalInfo
  lang: Lang
  /** Large type, chosen by the customer for one session (UX-12). */
  large: boolean
  /** The platform is not reached; shown over everything until it is. */
  recovering: boolean
  flow?: Sequence
}

interface Parts {
  config(): Promise<ShellConfig>
  connect(c: ShellConfig): Sjsl
  reload(): void
}

const real: Parts = {
  config: readConfig,
  connect: (c) => new Sjsl({ ...c.platform, refresh: async () => (await readConfig()).platform }),
  reload: () => location.replace('/')
}

/**
 * The page's life: connect, offer, run one sequence at a time, and bring every end, good or bad,
 * back to the idle screen with the card returned and nothing of the customer left (UX-02, UX-19).
 */
export class Machine {
  readonly stage: Stage = reactive({ screen: 'starting', params: {}, step: 0, steps: 0, cancel: false, attention: false })
  readonly face: Face = reactive({ lang: 'zh', large: false, recovering: false })
  private sjsl!: Sjsl
  private ctx?: Context
  private digest = ''
  private faults: number[] = []

  constructor(private parts: Parts = real) {}

  get session(): string {
    return String(this.ctx?.data.session ?? '')
  }

  /** The staff's service, only while no customer is served. */
  get staff(): Sjsl['operator'] | undefined {
    return this.stage.screen === 'idle' ? this.sjsl?.operator : undefined
  }

  /** Connects, ends what a killed page left, and shows the services. */
  async start(loaded: (digest: string) => void = () => undefined): Promise<void> {
    const cfg = await this.firstConfig()
    this.digest = cfg.bundle?.digest ?? ''
    loaded(this.digest)
    this.sjsl = this.parts.connect(cfg)
    this.sjsl.onState((up) => {
      if (!up && this.stage.screen !== 'starting') this.face.recovering = true
      if (up && this.stage.screen === 'idle') void this.idle()
    })
    this.sjsl.platform.on((name) => {
      if (name === 'X-Terminal.ChangedEvent') void this.refresh()
    })
    setInterval(() => this.session && void this.sjsl.platform.call('X-Session.Alive').catch(() => undefined), 2000)
    await this.linked()
    await this.close('pageLoaded', 'interrupted', true)
    await this.idle()
  }

  private async firstConfig(): Promise<ShellConfig> {
    for (;;) {
      try {
        const c = await this.parts.config()
        if (c.platform?.url) return c
      } catch {
        // the shell is starting, too
      }
      await pause(1000)
    }
  }

  /** Runs a sequence if it can be had now. */
  async run(name: string): Promise<void> {
    const flow = flows.find((f) => f.name === name)
    const info = this.face.info
    if (!flow || !info || this.stage.screen !== 'idle' || this.face.recovering || info.services[flow.service]?.available !== true) return
    const ctx = (this.ctx = new Context(this.sjsl, info, this.face.lang, flow.name, this.stage))
    this.face.flow = flow
    this.stage.step = this.stage.steps = 0
    ctx.show('busy', { text: 'starting' })
    try {
      await walk(flow, library, ctx)
      await this.close('done')
    } catch (e) {
      await this.failed(e)
    }
    await this.idle()
  }

  private async failed(e: unknown): Promise<void> {
    if (e instanceof Canceled) return this.close('canceled', 'canceled')
    if (e instanceof TimedOut) return this.close('timedOut', 'timedOut')
    if (isLinkLost(e)) return this.close('linkLost', 'interrupted')
    this.sjsl.log('error', 'a sequence failed', { flow: this.ctx?.flow, error: String(e) })
    return this.close('error', 'fault')
  }

  /**
   * Ends the session, gives back what is still in the machine, and says how it ended. It goes on
   * after a lost link as often as it must: media is returned before anything else is shown.
   */
  private async close(reason: string, kind?: string, onlyIfOpen = false): Promise<void> {
    const result = (this.ctx?.data.result ?? {}) as { reference?: string; txn?: string }
    const session = this.session
    const after = new Context(this.sjsl, this.face.info ?? (await this.info()), this.face.lang, 'close', this.stage)
    this.ctx = after // what the customer answers now, and what an error ends
    after.data.session = session
    let open = false
    for (;;) {
      try {
        if (kind && !onlyIfOpen) after.show('busy', { text: reason === 'canceled' || reason === 'timedOut' ? 'canceling' : 'closing' })
        await this.linked()
        const ended = await this.sjsl.platform.call<{ ended?: boolean }>('X-Session.End', { reason })
        open ||= ended.ended === true
        await this.giveBack(after)
        break
      } catch (e) {
        if (isLinkLost(e)) {
          reason = 'linkLost'
          await pause(200)
          continue
        }
        this.sjsl.log('error', 'the session could not be closed in order', { error: String(e) })
        break
      }
    }
    if (!kind || (onlyIfOpen && !open)) return
    try {
      await after.ask('outcome', { kind, reference: result.reference || result.txn, card: after.data.card, cash: after.data.cash, seconds: 12 }, { cancel: false, seconds: 12 })
    } catch (e) {
      if (!(e instanceof TimedOut)) this.sjsl.log('warn', 'the last screen ended early', { error: String(e) })
    }
  }

  /** Card, then cash: whatever still lies in the machine or at its exits. */
  private async giveBack(ctx: Context): Promise<void> {
    let media = await cardMedia(ctx)
    if (media === 'present') {
      // Inside, unknown to the session (an unreadable card, or one that came in the last moment).
      ctx.show('busy', { text: 'returningCard' })
      media = await this.sjsl.card.call('CardReader.Move', { from: 'transport', to: 'exit' }).then(
        () => cardMedia(ctx),
        (e: unknown) => {
          if (isLinkLost(e)) throw e
          return 'jammed' // it cannot come out: nobody is asked to take it
        }
      )
    }
    if (media === 'entering' || media === 'present') ctx.data.card = await waitCardGone(ctx, ctx.info.timeouts.card)
    else if (media === 'jammed') ctx.data.card = 'failed'
    if ((await cashExit(ctx)) !== 'notEmpty' && this.face.info?.services.deposit) {
      ctx.data.service = RECYCLER // a note may wait at the other mouth
      if ((await presentState(ctx)) !== 'presented') return
    }
    if ((await cashExit(ctx)) === 'notEmpty') {
      const s = await (ctx.data.service === RECYCLER ? this.sjsl.acceptor : this.sjsl.cash).call<{ denomination?: { currencies?: Record<string, number> } }>('CashDispenser.GetPresentStatus').catch(() => undefined)
      ctx.data.paid = ctx.data.amount = Math.round((s?.denomination?.currencies?.CNY ?? 0) * 100)
      ctx.data.cash = await waitCashGone(ctx)
    }
  }

  /** Resolves when every service is connected. */
  private async linked(): Promise<void> {
    if (!this.sjsl.connected) {
      if (this.stage.screen !== 'starting') this.face.recovering = true
      await new Promise<void>((resolve) => {
        const stop = this.sjsl.onState((up) => {
          if (!up) return
          stop()
          resolve()
        })
      })
    }
    this.face.recovering = false
  }

  private async info(): Promise<TerminalInfo> {
    for (;;) {
      await this.linked()
      try {
        return (this.face.info = await this.sjsl.info())
      } catch {
        await pause(500)
      }
    }
  }

  /** Back to the first screen: nothing of the last customer is kept, not even the language. */
  private async idle(): Promise<void> {
    this.ctx = undefined
    this.face.flow = undefined
    this.face.lang = 'zh'
    this.face.large = false
    Object.assign(this.stage, { screen: 'idle', params: {}, step: 0, steps: 0, warn: undefined, cancel: false, attention: false })
    await this.info()
    await this.newest()
  }

  private async refresh(): Promise<void> {
    try {
      this.face.info = await this.sjsl.info()
      await this.newest()
    } catch {
      // the link is lost: idle() asks again when it is back
    }
  }

  /** Takes the new version between two customers, never within a session. */
  private async newest(): Promise<void> {
    const now = this.face.info?.bundle.digest
    if (!now || now === this.digest || this.stage.screen !== 'idle') return
    // The shell must serve another one, too; else the page would load itself again for ever.
    const served = await this.parts.config().catch(() => undefined)
    if (served?.bundle?.digest && served.bundle.digest !== this.digest && this.stage.screen === 'idle') this.parts.reload()
  }

  answer(value: unknown): void {
    this.ctx?.answer(value)
  }

  cancel(): void {
    this.ctx?.cancel()
  }

  extend(): void {
    this.ctx?.extend()
  }

  /** An error nobody expected: never a white screen, always a way back to the first one (UX-19). */
  fault(e: unknown): void {
    try {
      this.sjsl?.log('error', 'the page failed', { error: String(e), screen: this.stage.screen })
    } catch {
      // logging must not fail it again
    }
    const now = Date.now()
    this.faults = [...this.faults.filter((t) => now - t < 30_000), now]
    if (this.faults.length > 5) this.parts.reload()
    else this.ctx?.interrupt(e instanceof Error ? e : new Error(String(e)))
  }

  /** Large type, language: kept until the session ends, and on the first screen until nobody touches it for a while. */
  followTouch(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined
    return watch(
      () => [this.face.lang, this.face.large, this.stage.screen] as const,
      ([lang, large, screen]) => {
        clearTimeout(timer)
        if (screen === 'idle' && (lang !== 'zh' || large))
          timer = setTimeout(() => {
            if (this.stage.screen === 'idle') Object.assign(this.face, { lang: 'zh', large: false })
          }, 60_000)
      }
    )
  }
}
