import { LINK_LOST } from '@counter/sjsl'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Canceled, Context, EXTENSIONS, TimedOut } from './context'
import { END, problems, walk, type Component, type Sequence } from './sequence'
import { blankStage, FakeSjsl, someInfo } from './testing'

const component = (exits: string[], run: Component['run'] = async () => exits[0]!): Component => ({ exits, run })
const seq = (steps: Sequence['steps'], start = 'a'): Sequence => ({ name: 's', title: { zh: '', en: '' }, service: 's', start, indicator: [], steps })

let fake: FakeSjsl
let ctx: Context
beforeEach(() => {
  vi.useFakeTimers()
  fake = new FakeSjsl({})
  ctx = new Context(fake.sjsl, someInfo(), 'zh', 's', blankStage())
})
afterEach(() => vi.useRealTimers())

describe('problems', () => {
  const lib = { one: component(['ok', 'bad']) }
  it('finds every kind of spelling error', () => {
    expect(problems(seq({ a: { use: 'one', on: { ok: END, bad: END } } }), lib)).toEqual([])
    expect(problems(seq({}, 'x'), lib).join()).toContain('start')
    expect(problems(seq({ a: { use: 'two', on: {} } }), lib).join()).toContain('no component')
    expect(problems(seq({ a: { use: 'one', on: { ok: END } } }), lib).join()).toContain('leads nowhere')
    expect(problems(seq({ a: { use: 'one', on: { ok: END, bad: END, odd: END } } }), lib).join()).toContain('has no exit')
    expect(problems(seq({ a: { use: 'one', on: { ok: 'zz', bad: END } } }), lib).join()).toContain('no step')
    expect(problems(seq({ a: { use: 'one', on: { ok: END, bad: END } }, b: { use: 'one', on: { ok: END, bad: END } } }), lib).join()).toContain('no way leads here')
  })
})

describe('walk', () => {
  it('goes where the exits lead', async () => {
    const went: string[] = []
    const lib = { one: component(['ok', 'bad'], async (_, p) => (went.push(String(p.n)), p.n === 1 ? 'bad' : 'ok')) }
    await walk(seq({ a: { use: 'one', with: { n: 1 }, on: { ok: END, bad: 'b' } }, b: { use: 'one', with: { n: 2 }, on: { ok: END, bad: 'a' } } }), lib, ctx)
    expect(went).toEqual(['1', '2'])
  })

  it('does not go in circles for ever, and says so for an exit without a way', async () => {
    const lib = { one: component(['ok']) }
    await expect(walk(seq({ a: { use: 'one', on: { ok: 'a' } } }), lib, ctx)).rejects.toThrow('circles')
    await expect(walk(seq({ a: { use: 'one', on: {} } }), lib, ctx)).rejects.toThrow('no way')
  })

  // req: UX-19
  it('ends at once when the link is lost, even while only the customer is asked', async () => {
    const lib = { one: component(['ok'], (c) => c.ask('idle').then(() => 'ok')) }
    const run = walk(seq({ a: { use: 'one', on: { ok: END } } }), lib, ctx)
    await vi.advanceTimersByTimeAsync(1000)
    fake.setUp(false)
    await expect(run).rejects.toMatchObject({ code: LINK_LOST })
  })

  it('does not go on after a lost link that came back between two steps', async () => {
    const second = vi.fn(async () => 'ok')
    const lib = { one: component(['ok'], async () => (fake.setUp(false), fake.setUp(true), 'ok')), two: component(['ok'], second) }
    await expect(walk(seq({ a: { use: 'one', on: { ok: 'b' } }, b: { use: 'two', on: { ok: END } } }), lib, ctx)).rejects.toMatchObject({ code: LINK_LOST })
    expect(second).not.toHaveBeenCalled()
  })

  it('keeps the number of the last counted step', () => {
    ctx.enter('a', ['a', 'b'])
    ctx.enter('between', ['a', 'b'])
    expect([ctx.stage.step, ctx.stage.steps]).toEqual([1, 2])
  })
})

describe('the time limit', () => {
  const sec = (n: number) => vi.advanceTimersByTimeAsync(n * 1000)

  // req: UX-01
  it('warns, leaves twenty seconds, then ends', async () => {
    const asked = ctx.ask('q')
    asked.catch(() => undefined)
    await sec(59)
    expect(ctx.stage.warn).toBeUndefined()
    await sec(1)
    expect(ctx.stage.warn).toBe(20)
    await sec(19)
    expect(ctx.stage.warn).toBe(1)
    await sec(1)
    await expect(asked).rejects.toBeInstanceOf(TimedOut)
    expect(ctx.stage.warn).toBeUndefined()
  })

  // req: UX-01
  it('never leaves less than twenty seconds, whatever is configured', async () => {
    ctx.info.timeouts.warn = 5
    ctx.ask('q').catch(() => undefined)
    await sec(60)
    expect(ctx.stage.warn).toBe(20)
  })

  // req: UX-01
  it('is extended by one touch, at least ten times, and the answer still counts', async () => {
    expect(EXTENSIONS).toBeGreaterThanOrEqual(10)
    const asked = ctx.ask<string>('q')
    for (let i = 0; i < 10; i++) {
      await sec(70)
      expect(ctx.stage.warn).toBe(10)
      ctx.extend()
      expect(ctx.stage.warn).toBeUndefined()
    }
    ctx.answer('here')
    await expect(asked).resolves.toBe('here')
  })

  it('ends somewhere: extensions are not without number', async () => {
    const asked = ctx.ask('q')
    asked.catch(() => undefined)
    for (let i = 0; i < EXTENSIONS; i++) {
      await sec(60)
      ctx.extend()
    }
    await sec(60)
    ctx.extend()
    await sec(20)
    await expect(asked).rejects.toBeInstanceOf(TimedOut)
  })

  it('leaves no timer behind', async () => {
    const asked = ctx.ask('q')
    ctx.answer(1)
    await asked
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('cancel', () => {
  it('answers at once where nothing runs', async () => {
    const asked = ctx.ask('q')
    ctx.cancel()
    await expect(asked).rejects.toBeInstanceOf(Canceled)
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1) // only the guard against work that never ends
  })

  it('is refused where it is not safe', async () => {
    const asked = ctx.ask('q', {}, { cancel: false })
    ctx.cancel()
    ctx.answer('still')
    await expect(asked).resolves.toBe('still')
  })

  it('cancels the device, waits for its end and says meanwhile that it does', async () => {
    let aborted = false
    const work = (signal: AbortSignal) =>
      new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true
          setTimeout(() => reject(new Error('device stopped')), 500)
        })
      )
    let ended = false
    const waiting = ctx.wait('w', {}, work).finally(() => (ended = true))
    waiting.catch(() => undefined)
    ctx.cancel()
    await vi.advanceTimersByTimeAsync(400)
    expect([aborted, ended, ctx.stage.screen]).toEqual([true, false, 'busy'])
    await vi.advanceTimersByTimeAsync(200)
    await expect(waiting).rejects.toBeInstanceOf(Canceled)
  })

  it('notes work that ended well in the last moment', async () => {
    const waiting = ctx.wait('w', {}, (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('read'))))
    ctx.cancel()
    await expect(waiting).rejects.toBeInstanceOf(Canceled)
    expect(ctx.data.late).toBe(true)
  })
})
