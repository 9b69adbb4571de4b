import { fails, FakeSjsl, someInfo, waits, type Script } from '@counter/sjsbl/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Machine } from './machine'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())
const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

/** A counter whose reader and dispenser behave; `over` replaces single answers. */
async function counter(over: Script = {}, before: (f: FakeSjsl) => void = () => undefined) {
  let media = 'notPresent'
  const info = someInfo()
  const taken = () => {
    media = 'notPresent'
    fake.card.say('CardReader.MediaRemovedEvent')
  }
  const fake: FakeSjsl = new FakeSjsl({
    'X-Terminal.Info': () => structuredClone(info),
    'X-Session.Begin': () => ({ session: 's1' }),
    'X-Session.End': () => {
      if (media === 'present') media = 'entering'
      return { ended: true }
    },
    'X-Session.Alive': () => ({}),
    'X-Session.Card': () => ({ pan: '622588******0001' }),
    'CardReader.ReadRawData': () => ((media = 'present'), {}),
    'CardReader.Move': () => ((media = 'entering'), {}),
    'Common.Status': () => ({ cardReader: { media }, cashDispenser: { positions: [{ positionStatus: 'empty' }] } }),
    'Keyboard.PinEntry': () => ({ digits: 6, completion: 'enter' }),
    'X-Host.Transact': () => ({ outcome: 'approved', txn: '000123', reference: 'R1', balance: { available: 100, ledger: 100 } }),
    ...over
  })
  before(fake)
  const reload = vi.fn()
  let served = 'd1'
  const machine = new Machine({ config: async () => ({ platform: { url: 'ws://x', token: '' }, bundle: { digest: served } }), connect: () => fake.sjsl, reload })
  const started = machine.start()
  return { machine, fake, info, started, taken, reload, setMedia: (m: string) => (media = m), serve: (d: string) => (served = d), ends: () => fake.calls.filter((c) => c.name === 'X-Session.End').map((c) => c.payload.reason) }
}

async function idle(over: Script = {}) {
  const c = await counter({ 'X-Session.End': () => ({ ended: false }), ...over })
  await tick()
  await c.started
  expect(c.machine.stage.screen).toBe('idle')
  return c
}

describe('start', () => {
  // req: UX-19, T-12
  it('gives the card back that a killed page left, then shows the services', async () => {
    const c = await counter()
    c.setMedia('entering')
    await tick(50)
    expect(c.ends()).toEqual(['pageLoaded'])
    expect(c.machine.stage.screen).toBe('takeCard')
    c.taken()
    await tick(50)
    expect(c.machine.stage).toMatchObject({ screen: 'outcome', params: { kind: 'interrupted' } })
    await tick(12_000)
    await c.started
    expect(c.machine.stage.screen).toBe('idle')
  })

  it('waits for the platform', async () => {
    const c = await counter({}, (f) => (f.connected = false))
    await tick(5000)
    expect(c.machine.stage.screen).toBe('starting')
    c.fake.setUp(true)
    await tick(13_000)
    await c.started
    expect(c.machine.stage.screen).toBe('idle')
  })
})

describe('a sequence', () => {
  // req: UX-02
  it('that is canceled returns the card, ends the session and leaves nothing behind', async () => {
    const c = await idle({ 'X-Session.End': () => (c0.setMedia('entering'), { ended: true }), 'X-Host.Transact': () => ({ outcome: 'approved' }) })
    const c0 = c
    c.machine.face.lang = 'en'
    c.machine.face.large = true
    const run = c.machine.run('withdrawal')
    await tick(50)
    expect(c.machine.stage.screen).toBe('chooseAmount')
    expect(c.machine.session).toBe('s1')
    c.machine.cancel()
    await tick(50)
    expect(c.ends().at(-1)).toBe('canceled')
    expect(c.machine.stage.screen).toBe('takeCard')
    c.taken()
    await tick(50)
    expect(c.machine.stage.params.kind).toBe('canceled')
    c.machine.answer('done')
    await tick()
    await run
    expect(c.machine.stage).toEqual({ screen: 'idle', params: {}, step: 0, steps: 0, warn: undefined, cancel: false, attention: false })
    expect(c.machine.face).toMatchObject({ lang: 'zh', large: false, flow: undefined })
    expect(c.machine.session).toBe('')
  })

  // req: UX-02
  it('that nobody answers ends the same way', async () => {
    const c = await idle()
    const run = c.machine.run('withdrawal')
    await tick(50)
    c.setMedia('notPresent')
    await tick(80_000)
    expect(c.ends().at(-1)).toBe('timedOut')
    expect(c.machine.stage.params.kind).toBe('timedOut')
    await tick(12_000)
    await run
    expect(c.machine.stage.screen).toBe('idle')
  })

  // req: UX-19
  it('whose link is lost recovers, gives the card back and shows the reference', async () => {
    const c = await idle({ 'CashDispenser.Dispense': waits })
    const run = c.machine.run('withdrawal')
    await tick(50)
    c.machine.answer(30000)
    await tick(50)
    c.taken()
    await tick(50)
    expect(c.machine.stage.params.text).toBe('dispensing')
    c.fake.setUp(false)
    await tick(100)
    expect(c.machine.face.recovering).toBe(true)
    c.setMedia('entering')
    c.fake.setUp(true)
    await tick(100)
    expect(c.machine.face.recovering).toBe(false)
    expect(c.ends().at(-1)).toBe('linkLost')
    expect(c.machine.stage.screen).toBe('takeCard')
    c.taken()
    await tick(50)
    expect(c.machine.stage).toMatchObject({ screen: 'outcome', params: { kind: 'interrupted', reference: 'R1' } })
    await tick(12_000)
    await run
    expect(c.machine.stage.screen).toBe('idle')
  })

  // req: UX-19
  it('that fails in a way nobody expected ends politely', async () => {
    const c = await idle({ 'X-Session.Begin': fails('internalError') })
    const run = c.machine.run('balance')
    await tick(50)
    expect(c.machine.stage.params.kind).toBe('fault')
    expect(c.fake.logs).toContain('a sequence failed')
    await tick(12_000)
    await run
    expect(c.machine.stage.screen).toBe('idle')
  })

  // req: UX-19
  it('is ended by an error of the page, and the page survives it', async () => {
    const c = await idle()
    void c.machine.run('withdrawal')
    await tick(50)
    c.setMedia('notPresent')
    c.machine.fault(new Error('a screen failed'))
    await tick(50)
    expect(c.machine.stage.params.kind).toBe('fault')
    expect(c.reload).not.toHaveBeenCalled()
    for (let i = 0; i < 6; i++) c.machine.fault('again')
    expect(c.reload).toHaveBeenCalled()
  })

  it('gives back an unreadable card that the session knows nothing of', async () => {
    const c = await idle({ 'CardReader.ReadRawData': () => new Promise(() => undefined) })
    void c.machine.run('balance')
    await tick(50)
    c.setMedia('present')
    c.machine.cancel()
    await tick(3100)
    expect(c.fake.names).toContain('CardReader.Move')
    expect(c.machine.stage.screen).toBe('takeCard')
  })

  // req: UX-18
  it('does not begin when it is not on offer', async () => {
    const c = await idle()
    c.info.services.withdrawal = { available: false, reason: 'noCash' }
    c.fake.platform.say('X-Terminal.ChangedEvent')
    await tick()
    expect(c.machine.face.info?.services.withdrawal).toEqual({ available: false, reason: 'noCash' })
    await c.machine.run('withdrawal')
    expect(c.fake.names).not.toContain('X-Session.Begin')
  })
})

describe('a new version', () => {
  it('is taken between two customers, never within a session', async () => {
    const c = await idle()
    void c.machine.run('withdrawal')
    await tick(50)
    c.info.bundle.digest = 'd2'
    c.serve('d2')
    c.fake.platform.say('X-Terminal.ChangedEvent')
    await tick(50)
    expect(c.reload).not.toHaveBeenCalled()
    c.setMedia('notPresent')
    c.machine.cancel()
    await tick(13_000)
    expect(c.reload).toHaveBeenCalledOnce()
  })

  it('is not waited for in circles when the shell does not serve it yet', async () => {
    const c = await idle()
    c.info.bundle.digest = 'd2'
    c.fake.platform.say('X-Terminal.ChangedEvent')
    await tick(50)
    expect(c.reload).not.toHaveBeenCalled()
  })
})
