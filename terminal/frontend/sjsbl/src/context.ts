import { DeviceError, LINK_LOST, type Payload, type Sjsl, type TerminalInfo, type Lang } from '@counter/sjsl'

/** What the screen shows; the app makes it reactive. */
export interface Stage {
  screen: string
  params: Payload
  /** Step indicator: the n-th of m; steps that are not counted keep the last number, 0 before the first. */
  step: number
  steps: number
  /** Seconds left before the time is over, while the warning shows; undefined otherwise. */
  warn?: number
  /** Whether the customer may cancel now. */
  cancel: boolean
  /** Media waits to be taken: light, picture and sound repeat. */
  attention: boolean
}

export class TimedOut extends Error {
  override name = 'TimedOut'
}
export class Canceled extends Error {
  override name = 'Canceled'
}

export interface WaitOptions {
  /** Seconds without input before the warning; 0: no time limit of the page's own. */
  idle?: number
  cancel?: boolean
  attention?: boolean
  /** Seconds after which the screen closes without a warning, because nothing can be lost any more (last screens). */
  seconds?: number
}

/** How many times a customer may ask for more time (UX-01). */
export const EXTENSIONS = 20

/** One run of a sequence: its stage, its data, its timers. */
export class Context {
  /** What the steps tell each other; it ends with the run. */
  readonly data: Payload = {}
  private answered?: (value: unknown) => void
  private failed?: (e: Error) => void
  private timer?: ReturnType<typeof setTimeout>
  private left = 0
  private idle = 0
  private extensions = 0
  private broken?: Error

  constructor(
    readonly sjsl: Sjsl,
    readonly info: TerminalInfo,
    readonly lang: Lang,
    readonly flow: string,
    readonly stage: Stage
  ) {}

  enter(id: string, indicator: string[]): void {
    this.stage.step = indicator.indexOf(id) + 1 || this.stage.step
    this.stage.steps = indicator.length
  }

  /** Shows a screen without waiting for anything. */
  show(screen: string, params: Payload = {}): void {
    Object.assign(this.stage, { screen, params, warn: undefined, cancel: false, attention: false })
  }

  /** Shows a screen and waits for the customer's answer. */
  ask<T>(screen: string, params: Payload = {}, opt: WaitOptions = {}): Promise<T> {
    // Nothing runs behind a question: it ends at once when it is canceled.
    const idle = (signal: AbortSignal) => new Promise<T>((_, reject) => signal.addEventListener('abort', () => reject(new Canceled('asked no more')), { once: true }))
    return this.wait<T>(screen, params, idle, opt)
  }

  /**
   * Shows a screen while work goes on. The customer may answer (which wins), cancel, or let the
   * time pass; then the work's signal is aborted and its end awaited, so that nothing runs on
   * behind the next screen.
   */
  async wait<T>(screen: string, params: Payload, work: (signal: AbortSignal) => Promise<T>, opt: WaitOptions = {}): Promise<T> {
    this.intact()
    this.show(screen, params)
    this.stage.cancel = opt.cancel ?? true
    this.stage.attention = opt.attention ?? false
    const stop = new AbortController()
    const answer = new Promise<T>((resolve, reject) => {
      this.answered = resolve as (v: unknown) => void
      this.failed = reject
    })
    this.startTimer(opt.idle ?? this.info.timeouts.idle, opt.seconds)
    const running = work(stop.signal)
    running.catch(() => undefined)
    try {
      return await Promise.race([answer, running])
    } catch (e) {
      if (e instanceof TimedOut || e instanceof Canceled) {
        this.show('busy', { text: 'canceling' })
        stop.abort()
        // Work that ended well in the last moment counts: a card may be inside already.
        await Promise.race([running.then(() => (this.data.late = true)).catch(() => undefined), pause(3000)])
      }
      throw e
    } finally {
      this.stopTimer()
      this.answered = this.failed = undefined
      stop.abort()
    }
  }

  /** The screen's answer. */
  answer(value: unknown): void {
    this.answered?.(value)
  }

  /** The customer's Cancel. */
  cancel(): void {
    if (this.stage.cancel) this.failed?.(new Canceled('canceled by the customer'))
  }

  /** Ends the run from outside, whatever it waits for: the link was lost, or the page failed. */
  interrupt(e: Error): void {
    this.broken ??= e
    this.failed?.(this.broken)
  }

  /** Throws when the run was interrupted: after a lost link no step may go on, even if the link is back. */
  intact(): void {
    if (this.broken) throw this.broken
  }

  /** Any touch or key: more time. */
  extend(): void {
    if (this.stage.warn !== undefined) {
      if (this.extensions++ >= EXTENSIONS) return
      this.stage.warn = undefined
    }
    this.left = this.idle
  }

  private startTimer(idle: number, seconds?: number): void {
    this.stopTimer()
    if (seconds) {
      this.timer = setTimeout(() => this.failed?.(new TimedOut('read long enough')), seconds * 1000)
      return
    }
    if (idle <= 0) return
    this.idle = this.left = idle
    const warn = Math.max(20, this.info.timeouts.warn)
    this.timer = setInterval(() => {
      this.left--
      if (this.left > 0) return
      this.stage.warn = warn + this.left
      if (this.stage.warn <= 0) {
        this.stopTimer()
        this.failed?.(new TimedOut('no input'))
      }
    }, 1000)
  }

  private stopTimer(): void {
    clearTimeout(this.timer) // ends intervals, too
    this.stage.warn = undefined
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((r) => setTimeout(r, ms))
}

/** Whether an error says that the platform was not reached. */
export function isLinkLost(e: unknown): boolean {
  return e instanceof DeviceError && e.code === LINK_LOST
}
