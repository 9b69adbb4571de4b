import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Service, type Socket } from './link'
import { DeviceError, parse } from './wire'

class FakeSocket implements Socket {
  sent: { header: Record<string, unknown>; payload: unknown }[] = []
  onopen: (() => void) | null = null
  onclose: (() => void) | null = null
  onmessage: ((e: { data: unknown }) => void) | null = null
  send(text: string) {
    this.sent.push(JSON.parse(text))
  }
  close() {
    this.onclose?.()
  }
  say(header: object, payload?: object) {
    this.onmessage?.({ data: JSON.stringify({ header, payload }) })
  }
}

let sockets: FakeSocket[]
let urls: string[]
const open = (url: string) => {
  urls.push(url)
  const s = new FakeSocket()
  sockets.push(s)
  return s
}

beforeEach(() => {
  sockets = []
  urls = []
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

function service(extra = {}) {
  const s = new Service('card', { url: 'ws://x', token: 'a b', open, ...extra })
  sockets[0]!.onopen?.()
  return s
}

describe('a service', () => {
  // req: J-01
  it('sends a command and gives back its completion', async () => {
    const s = service()
    expect(urls[0]).toBe('ws://x/xfs4iot/v1.0/card/?token=a%20b')
    const events: string[] = []
    const p = s.call('CardReader.Move', { to: 'exit' }, { timeout: 5000, onEvent: (n) => events.push(n) })
    expect(sockets[0]!.sent[0]).toEqual({ header: { type: 'command', name: 'CardReader.Move', version: '2.0', requestId: 1, timeout: 5000 }, payload: { to: 'exit' } })
    sockets[0]!.say({ type: 'acknowledge', name: 'CardReader.Move', requestId: 1 })
    sockets[0]!.say({ type: 'event', name: 'CardReader.InsertCardEvent', requestId: 1 })
    sockets[0]!.say({ type: 'completion', name: 'CardReader.Move', requestId: 1 }, { ok: 1 })
    await expect(p).resolves.toEqual({ ok: 1 })
    expect(events).toEqual(['CardReader.InsertCardEvent'])
  })

  it('rejects with the class error', async () => {
    const s = service()
    const p = s.call('CardReader.Move')
    sockets[0]!.say({ type: 'completion', name: 'CardReader.Move', requestId: 1, completionCode: 'commandErrorCode' }, { errorCode: 'mediaJam' })
    await expect(p).rejects.toMatchObject({ code: 'commandErrorCode', errorCode: 'mediaJam' })
  })

  it('rejects a command that the platform does not accept', async () => {
    const s = service()
    const p = s.call('CardReader.Move')
    sockets[0]!.say({ type: 'acknowledge', name: 'CardReader.Move', requestId: 1, status: 'tooManyRequests' })
    await expect(p).rejects.toMatchObject({ code: 'X-refused', errorCode: 'tooManyRequests' })
  })

  it('fails what is open when the link is lost, connects again with a fresh token, and sends nothing twice', async () => {
    const refresh = vi.fn(async () => ({ url: 'ws://x', token: 'new' }))
    const s = service({ refresh })
    const states: boolean[] = []
    s.onState((up) => states.push(up))
    const p = s.call('CashDispenser.Dispense')
    p.catch(() => undefined)
    sockets[0]!.close()
    await expect(p).rejects.toMatchObject({ code: 'X-linkLost' })
    await expect(s.call('Common.Status')).rejects.toBeInstanceOf(DeviceError)
    await vi.advanceTimersByTimeAsync(300)
    sockets[1]!.onopen?.()
    expect(urls[1]).toContain('token=new')
    expect(states).toEqual([false, true])
    expect(sockets[1]!.sent).toEqual([])
  })

  it('cancels a command by its signal and still waits for its completion', async () => {
    const s = service()
    const stop = new AbortController()
    const p = s.call('CardReader.ReadRawData', {}, { signal: stop.signal })
    stop.abort()
    expect(sockets[0]!.sent[1]).toMatchObject({ header: { name: 'Common.Cancel' }, payload: { requestIds: [1] } })
    sockets[0]!.say({ type: 'completion', name: 'CardReader.ReadRawData', requestId: 1, completionCode: 'canceled' })
    await expect(p).rejects.toMatchObject({ code: 'canceled' })
  })

  it('hands out unsolicited events of both spellings and survives garbage', () => {
    const s = service()
    const got: string[] = []
    s.on((n) => got.push(n))
    for (const data of ['}{', '[]', 'null', '{"header":5}', 7, '{"header":{"type":"event"}}']) sockets[0]!.onmessage?.({ data })
    sockets[0]!.say({ type: 'unsolicited', name: 'A.OneEvent' })
    sockets[0]!.say({ type: 'event', name: 'A.TwoEvent' })
    expect(got).toEqual(['A.OneEvent', 'A.TwoEvent'])
  })
})

it('parse never throws', () => {
  for (const x of ['', '{', '0', '{"header":{"type":"x","name":"y"},"payload":3}', undefined]) expect(() => parse(x)).not.toThrow()
})
