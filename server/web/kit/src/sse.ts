import type { LiveEvent } from './types'

/** Splits a text/event-stream that arrives in pieces into the data of its messages. Comments only show that the line is alive. */
export class EventParser {
  private rest = ''
  private data: string[] = []

  push(piece: string): string[] {
    const out: string[] = []
    this.rest += piece
    for (;;) {
      const m = /\r\n|\n|\r(?!$)/.exec(this.rest) // a CR at the very end may be half of a CRLF
      if (!m) return out
      const line = this.rest.slice(0, m.index)
      this.rest = this.rest.slice(m.index + m[0].length)
      if (line === '') {
        if (this.data.length) out.push(this.data.join('\n'))
        this.data = []
      } else if (line.startsWith('data:')) this.data.push(line.slice(line[5] === ' ' ? 6 : 5))
    }
  }
}

export type LinkState = 'connecting' | 'live' | 'lost'

export interface LiveOptions {
  onEvent: (e: LiveEvent) => void
  onState: (s: LinkState) => void
  onSignedOut: () => void
  url?: string
  silence?: number // a stream without a byte for so long is dead (the server beats every 15 s)
}

/**
 * Live keeps the event stream open. After every new connection it hands out "resync":
 * whatever happened in between has been missed.
 */
export class Live {
  private stopped = true
  private abort?: AbortController
  private timer?: ReturnType<typeof setTimeout>
  private tries = 0

  constructor(private readonly o: LiveOptions) {}

  start(): void {
    if (!this.stopped) return
    this.stopped = false
    this.tries = 0
    void this.run()
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
    this.abort?.abort()
  }

  private async run(): Promise<void> {
    const abort = this.abort = new AbortController()
    const silence = this.o.silence ?? 40_000
    let watch = setTimeout(() => abort.abort(), silence)
    this.o.onState('connecting')
    try {
      const r = await fetch(this.o.url ?? '/v2/api/events', { credentials: 'same-origin', cache: 'no-store', signal: abort.signal, headers: { Accept: 'text/event-stream' } })
      if (r.status === 401) { this.stopped = true; this.o.onSignedOut(); return }
      if (!r.ok || !r.body) throw new Error(String(r.status))
      const reader = r.body.getReader(), text = new TextDecoder(), parser = new EventParser()
      let first = true
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        clearTimeout(watch)
        watch = setTimeout(() => abort.abort(), silence)
        if (first) { // the server has joined us to its events: now fetch everything
          first = false
          this.tries = 0
          this.o.onState('live')
          this.o.onEvent({ kind: 'resync', id: '' })
        }
        for (const d of parser.push(text.decode(value, { stream: true }))) {
          try { this.o.onEvent(JSON.parse(d) as LiveEvent) } catch { this.o.onEvent({ kind: 'resync', id: '' }) }
        }
      }
    } catch { /* tried again below */ } finally { clearTimeout(watch) }
    if (this.stopped) return
    this.o.onState('lost')
    this.timer = setTimeout(() => { if (!this.stopped) void this.run() }, Math.min(15_000, 500 * 2 ** this.tries++))
  }
}
