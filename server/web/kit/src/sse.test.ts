import { afterEach, describe, expect, it, vi } from 'vitest'
import { EventParser, Live, type LinkState } from './sse'
import type { LiveEvent } from './types'

describe('the event stream', () => {
  const stream = ': open\n\ndata: {"kind":"alarm","id":"a"}\n\n: beat\n\nevent: x\ndata: one\ndata:two\n\n'
  const want = ['{"kind":"alarm","id":"a"}', 'one\ntwo']
  it('gives one message per blank line and skips comments', () => { expect(new EventParser().push(stream)).toEqual(want) })
  it('may be cut anywhere', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const p = new EventParser()
      expect([...p.push(stream.slice(0, cut)), ...p.push(stream.slice(cut))]).toEqual(want)
    }
  })
  it('knows all three line ends, cut anywhere', () => {
    const s = 'data: a\r\n\r\ndata: b\r\rdata: c\n\n'
    for (let cut = 0; cut <= s.length; cut++) {
      const p = new EventParser()
      expect([...p.push(s.slice(0, cut)), ...p.push(s.slice(cut))]).toEqual(['a', 'b', 'c'])
    }
  })
  it('keeps an unfinished message back', () => { expect(new EventParser().push('data: half')).toEqual([]) })
})

describe('the live link', () => {
  afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals() })
  const body = (...pieces: string[]): Response => new Response(new ReadableStream({ start(c) { for (const x of pieces) c.enqueue(new TextEncoder().encode(x)); c.close() } }))
  function rig(...answers: (() => Response | Promise<Response>)[]) {
    const events: LiveEvent[] = [], states: LinkState[] = [], out = vi.fn()
    const f = vi.fn((_u: string, _o: RequestInit) => { const a = answers.shift(); return a ? Promise.resolve().then(a) : new Promise<Response>(() => {}) })
    vi.stubGlobal('fetch', f)
    const live = new Live({ onEvent: (e) => events.push(e), onState: (s) => states.push(s), onSignedOut: out, silence: 40_000 })
    return { live, events, states, out, f }
  }

  it('asks for everything after every connection, and connects again', async () => {
    vi.useFakeTimers()
    const r = rig(() => body(': open\n\n', 'data: {"kind":"terminal","id":"T1"}\n\n'), () => body(': open\n\n'))
    r.live.start()
    await vi.advanceTimersByTimeAsync(2000)
    expect(r.events).toEqual([{ kind: 'resync', id: '' }, { kind: 'terminal', id: 'T1' }, { kind: 'resync', id: '' }])
    expect(r.states).toContain('lost')
    r.live.stop()
  })
  it('ends when the session has ended', async () => {
    vi.useFakeTimers()
    const r = rig(() => new Response('', { status: 401 }))
    r.live.start()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(r.out).toHaveBeenCalledOnce()
    expect(r.f).toHaveBeenCalledOnce()
  })
  it('gives up a connection that is silent, and waits longer each time', async () => {
    vi.useFakeTimers()
    const r = rig(() => Promise.reject(new Error('x')), () => Promise.reject(new Error('x')), () => Promise.reject(new Error('x')))
    r.live.start()
    await vi.advanceTimersByTimeAsync(3400)
    expect(r.f).toHaveBeenCalledTimes(3) // 0, 500 and 1500 ms; the next after 3500
    await vi.advanceTimersByTimeAsync(200)
    expect(r.f).toHaveBeenCalledTimes(4)
    const signal = r.f.mock.calls[3]?.[1].signal
    await vi.advanceTimersByTimeAsync(40_000)
    expect(signal?.aborted).toBe(true)
    r.live.stop()
  })
})
