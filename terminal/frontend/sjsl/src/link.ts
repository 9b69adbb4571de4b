import { DeviceError, LINK_LOST, parse, REFUSED, type Payload } from './wire'

/** What a link needs of a WebSocket; the browser's has it, and so have fakes in tests. */
export interface Socket {
  send(text: string): void
  close(): void
  onopen: (() => void) | null
  onclose: (() => void) | null
  onmessage: ((e: { data: unknown }) => void) | null
}

export interface Config {
  /** ws://127.0.0.1:5846 */
  url: string
  token: string
  open?: (url: string) => Socket
  /** First pause before connecting again, doubled up to 2 s. */
  retry?: number
  /** Asked before each connection: after a restart the platform has another token. */
  refresh?: () => Promise<{ url: string; token: string } | undefined>
}

export interface CallOptions {
  /** Milliseconds; 0 waits until the command ends or is canceled. */
  timeout?: number
  onEvent?: (name: string, payload: Payload) => void
  signal?: AbortSignal
}

type Listener = (name: string, payload: Payload) => void

interface Waiting {
  name: string
  onEvent?: (name: string, payload: Payload) => void
  done(p: Payload): void
  failed(e: DeviceError): void
}

/**
 * One service of the platform. Commands may be called at any time: while the link is down they
 * fail at once with code X-linkLost, and after a loss all open ones do, so that nothing waits for
 * ever; the caller decides what may be asked again. A command that moves money is never sent twice.
 */
export class Service {
  private socket?: Socket
  private up = false
  private next = 1
  private waiting = new Map<number, Waiting>()
  private listeners = new Set<Listener>()
  private stateListeners = new Set<(up: boolean) => void>()
  private pause: number
  private stopped = false

  constructor(
    readonly name: string,
    private cfg: Config
  ) {
    this.pause = cfg.retry ?? 200
    this.connect()
  }

  get connected(): boolean {
    return this.up
  }

  private connect(): void {
    if (this.stopped) return
    const open = this.cfg.open ?? ((url: string) => new WebSocket(url) as unknown as Socket)
    const s = open(`${this.cfg.url}/xfs4iot/v1.0/${this.name}/?token=${encodeURIComponent(this.cfg.token)}`)
    this.socket = s
    s.onopen = () => {
      this.pause = this.cfg.retry ?? 200
      this.setUp(true)
    }
    s.onmessage = (e) => this.receive(e.data)
    s.onclose = () => {
      this.setUp(false)
      const lost = [...this.waiting.values()]
      this.waiting.clear()
      for (const w of lost) w.failed(new DeviceError(w.name, LINK_LOST, '', {}, 'the platform is not reached'))
      if (!this.stopped) setTimeout(() => void this.again(), this.pause)
      this.pause = Math.min(this.pause * 2, 2000)
    }
  }

  private async again(): Promise<void> {
    try {
      const fresh = await this.cfg.refresh?.()
      if (fresh) this.cfg = { ...this.cfg, ...fresh }
    } catch {
      // the shell is restarting too: the old address and token are tried
    }
    this.connect()
  }

  private setUp(up: boolean): void {
    if (this.up === up) return
    this.up = up
    for (const f of this.stateListeners) f(up)
  }

  private receive(data: unknown): void {
    const m = parse(data)
    if (!m) return
    const { header, payload = {} } = m
    const w = header.requestId === undefined ? undefined : this.waiting.get(header.requestId)
    switch (header.type) {
      case 'acknowledge':
        if (header.status && w) {
          this.waiting.delete(header.requestId!)
          w.failed(new DeviceError(w.name, REFUSED, header.status, {}, header.errorDescription))
        }
        return
      case 'event':
        if (w) w.onEvent?.(header.name, payload)
        else this.tell(header.name, payload) // some publishers send unsolicited events so
        return
      case 'unsolicited':
        this.tell(header.name, payload)
        return
      case 'completion':
        if (!w) return
        this.waiting.delete(header.requestId!)
        if (!header.completionCode || header.completionCode === 'success') w.done(payload)
        else w.failed(new DeviceError(w.name, header.completionCode, String(payload.errorCode ?? ''), payload, header.errorDescription))
    }
  }

  private tell(name: string, payload: Payload): void {
    for (const f of [...this.listeners]) f(name, payload)
  }

  /** Sends a command and resolves with its completion's payload, or rejects with a DeviceError. */
  call<T = Payload>(name: string, payload: Payload = {}, opt: CallOptions = {}): Promise<T> {
    if (!this.up || !this.socket) return Promise.reject(new DeviceError(name, LINK_LOST, '', {}, 'the platform is not reached'))
    const id = this.next++
    const socket = this.socket
    return new Promise<T>((resolve, reject) => {
      const cancel = () => {
        if (this.waiting.has(id)) this.send(socket, this.next++, 'Common.Cancel', { requestIds: [id] }, 0)
      }
      const end = () => opt.signal?.removeEventListener('abort', cancel)
      this.waiting.set(id, {
        name,
        onEvent: opt.onEvent,
        done: (p) => (end(), resolve(p as T)),
        failed: (e) => (end(), reject(e))
      })
      this.send(socket, id, name, payload, opt.timeout ?? 0)
      if (opt.signal?.aborted) cancel()
      else opt.signal?.addEventListener('abort', cancel, { once: true })
    })
  }

  private send(socket: Socket, requestId: number, name: string, payload: Payload, timeout: number): void {
    socket.send(JSON.stringify({ header: { type: 'command', name, version: '2.0', requestId, timeout }, payload }))
  }

  /** Listens to unsolicited events; returns the way to stop. */
  on(f: Listener): () => void {
    this.listeners.add(f)
    return () => this.listeners.delete(f)
  }

  /** Listens to the link going up and down. */
  onState(f: (up: boolean) => void): () => void {
    this.stateListeners.add(f)
    return () => this.stateListeners.delete(f)
  }

  close(): void {
    this.stopped = true
    this.socket?.close()
  }
}
