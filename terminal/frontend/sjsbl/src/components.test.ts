import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Canceled, Context, TimedOut } from './context'
import { library } from './index'
import { blankStage, fails, FakeSjsl, someInfo, waits, type Script } from './testing'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function setup(script: Script = {}) {
  const fake = new FakeSjsl(script)
  const ctx = new Context(fake.sjsl, someInfo(), 'zh', 'withdrawal', blankStage())
  return { fake, ctx, run: (name: string, params = {}) => library[name]!.run(ctx, params) }
}
const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

describe('enterPin', () => {
  // req: UX-05
  it('shows one star a key and never sees a digit', async () => {
    const seen: unknown[] = []
    const { ctx, fake, run } = setup({
      'Keyboard.PinEntry': (_, o) => {
        // Even a pad that says too much must not get a digit onto the screen or into the data.
        for (const completion of ['continue', 'continue', 'backspace', 'continue', 'continue', 'clear', 'continue']) {
          o.onEvent?.('Keyboard.KeyEvent', { completion, digit: '7' })
          seen.push(ctx.stage.params.stars)
        }
        return { digits: 6, completion: 'enter' }
      }
    })
    expect(await run('enterPin', { slot: 'current' })).toBe('ok')
    expect(seen).toEqual([1, 2, 1, 2, 3, 0, 1])
    expect(JSON.stringify([ctx.stage, ctx.data, fake.calls])).not.toContain('7')
    expect(fake.calls.at(-1)).toEqual({ name: 'PinPad.GetPinBlock', payload: { 'X-slot': 'current' } })
  })

  it('asks again for a PIN that is too short', async () => {
    const answers = [{ digits: 4, completion: 'enter' }, { digits: 6, completion: 'enter' }]
    const { ctx, run } = setup({ 'Keyboard.PinEntry': () => answers.shift() })
    expect(await run('enterPin')).toBe('ok')
    expect(ctx.stage.params.short).toBe(true)
  })

  it('says that the new PINs differ', async () => {
    const { ctx, run } = setup({ 'Keyboard.PinEntry': () => ({ digits: 6 }), 'PinPad.GetPinBlock': () => ({ 'X-match': false }) })
    expect(await run('enterPin', { slot: 'confirm' })).toBe('mismatch')
    expect(await run('enterPin', { slot: 'new' })).toBe('ok')
    expect(ctx.stage.params.differ).toBe(true)
  })

  it('takes Cancel and the time limit of the pad as what they are', async () => {
    await expect(setup({ 'Keyboard.PinEntry': () => ({ completion: 'cancel' }) }).run('enterPin')).rejects.toBeInstanceOf(Canceled)
    await expect(setup({ 'Keyboard.PinEntry': fails('timeOut') }).run('enterPin')).rejects.toBeInstanceOf(TimedOut)
    expect(await setup({ 'Keyboard.PinEntry': fails('hardwareError') }).run('enterPin')).toBe('failed')
  })

  it('stops the pad when the customer cancels on the screen', async () => {
    const { ctx, run } = setup({ 'Keyboard.PinEntry': waits })
    const entered = run('enterPin')
    entered.catch(() => undefined)
    await tick()
    ctx.cancel()
    await expect(entered).rejects.toBeInstanceOf(Canceled)
  })
})

describe('readCard', () => {
  it('passes on why a chip cannot be used', async () => {
    const text = { zh: '卡片已过期', en: 'The card has expired' }
    const { ctx, run } = setup({ 'CardReader.ReadRawData': fails('commandErrorCode', 'invalidMedia', { 'X-refusal': { responseCode: '54', text } }) })
    expect(await run('readCard')).toBe('invalid')
    expect(ctx.data.result).toEqual({ text })
    const plain = setup({ 'CardReader.ReadRawData': fails('commandErrorCode', 'invalidMedia') })
    expect(await plain.run('readCard')).toBe('invalid')
    expect(plain.ctx.data.result).toEqual({ text: undefined })
  })
})

describe('chooseAmount', () => {
  it('refuses what cannot be, says why, and keeps what was typed', async () => {
    const { ctx, fake, run } = setup({ 'CashDispenser.Denominate': (p) => (JSON.stringify(p).includes('900') ? fails('commandErrorCode', 'notDispensable')() : {}) })
    const chosen = run('chooseAmount')
    const tries: [number, string][] = [[12500, 'multiple'], [-10000, 'multiple'], [0, 'multiple'], [NaN, 'multiple'], [2010000, 'limit'], [90000, 'notDispensable']]
    for (const [amount, why] of tries) {
      await tick()
      ctx.answer(amount)
      await tick()
      expect([ctx.stage.screen, ctx.stage.params.refused, ctx.stage.params.typed]).toEqual(['chooseAmount', why, amount])
    }
    ctx.answer(30000)
    expect(await chosen).toBe('ok')
    expect(ctx.data.amount).toBe(30000)
    expect(fake.names.filter((n) => n === 'CashDispenser.Denominate')).toHaveLength(2)
  })
})

describe('askManager', () => {
  it('is not needed up to the limit', async () => {
    const { ctx, fake, run } = setup()
    ctx.data.amount = 500000
    expect(await run('askManager')).toBe('notNeeded')
    expect(fake.calls).toEqual([])
  })
  it.each([
    ['approved', 'approved'],
    ['rejected', 'rejected'],
    ['expired', 'expired']
  ])('passes %s on', async (decision, exit) => {
    const { ctx, run } = setup({ 'X-Pad.Request': () => ({ approval: 'A', decision, reason: { zh: '理由', en: 'why' } }) })
    ctx.data.amount = 600000
    expect(await run('askManager')).toBe(exit)
    expect(ctx.data).toMatchObject({ approval: 'A', reason: { zh: '理由' } })
  })
  it('withdraws the request when the customer cancels', async () => {
    const { ctx, run } = setup({ 'X-Pad.Request': waits })
    ctx.data.amount = 600000
    const asked = run('askManager')
    asked.catch(() => undefined)
    await tick(5000)
    expect(ctx.stage.warn).toBeUndefined()
    ctx.cancel()
    await expect(asked).rejects.toBeInstanceOf(Canceled)
  })
})

describe('transact', () => {
  it.each([
    [{ outcome: 'approved' }, 'approved'],
    [{ outcome: 'declined', responseCode: '51' }, 'declined'],
    [{ outcome: 'declined', responseCode: '55' }, 'wrongPin'],
    [{ outcome: 'declined', responseCode: '55', captureCard: true }, 'capture'],
    [{ outcome: 'unknown' }, 'unknown'],
    [{ outcome: 'notSent' }, 'notSent']
  ])('%j → %s', async (answer, exit) => {
    expect(await setup({ 'X-Host.Transact': () => answer }).run('transact', { type: 'balance' })).toBe(exit)
  })
  it('asks for the card again when it signs over the antenna', async () => {
    const seen: unknown[] = []
    const s = setup({
      'X-Host.Transact': (_, opt) => {
        for (const name of ['X-Card.TapEvent', 'X-Card.TappedEvent']) {
          opt.onEvent?.(name, {})
          seen.push(s.ctx.stage.params.text)
        }
        return { outcome: 'approved' }
      }
    })
    expect(await s.run('transact', { type: 'balance' })).toBe('approved')
    expect(seen).toEqual(['tapping', 'transacting'])
  })
  it('counts a refusal of the platform as not sent', async () => {
    expect(await setup({ 'X-Host.Transact': fails('sequenceError') }).run('transact', { type: 'balance' })).toBe('notSent')
  })
})

describe('returnCard', () => {
  it.each([
    ['CardReader.MediaRemovedEvent', 'taken'],
    ['X-Card.RetainedEvent', 'retained']
  ])('%s → %s', async (event, exit) => {
    const { ctx, fake, run } = setup({ 'Common.Status': () => ({ cardReader: { media: 'entering' } }) })
    const done = run('returnCard')
    await tick(2500)
    // req: UX-04
    expect(ctx.stage).toMatchObject({ screen: 'takeCard', attention: true, cancel: false })
    fake.card.say(event)
    expect(await done).toBe(exit)
    expect(ctx.data.card).toBe(exit)
  })
  it('notices a card that was taken before it listened', async () => {
    const done = setup({ 'Common.Status': () => ({ cardReader: { media: 'notPresent' } }) }).run('returnCard')
    await tick(400)
    expect(await done).toBe('taken')
  })
  it('does not wait for ever for a card that is stuck', async () => {
    const done = setup({ 'Common.Status': () => ({ cardReader: { media: 'unknown' } }) }).run('returnCard')
    await tick(80_000)
    expect(await done).toBe('failed')
    expect(await setup({ 'CardReader.Move': fails('commandErrorCode', 'mediaJam') }).run('returnCard')).toBe('failed')
  })
})

describe('cash', () => {
  const pay = async (answer: Script['x']) => {
    const s = setup({ 'CashDispenser.Dispense': answer! })
    s.ctx.data.amount = 30000
    return [await s.run('dispense'), s.ctx.data.paid]
  }
  it('tells how a dispense ended as the books have it', async () => {
    expect(await pay(() => ({ 'X-cash': 'presented' }))).toEqual(['presented', 30000])
    expect(await pay(fails('commandErrorCode', 'cashUnitError', { 'X-paid': 20000, 'X-cash': 'presented' }))).toEqual(['partial', 20000])
    expect(await pay(fails('hardwareError', '', { 'X-paid': 0, 'X-cash': 'notDispensed' }))).toEqual(['failed', 0])
    expect(await pay(fails('hardwareError', '', { 'X-paid': 0, 'X-cash': 'unclear' }))).toEqual(['unclear', 0])
    expect(await pay(fails('hardwareError', '', { 'X-paid': 0, 'X-cash': 'motion' }))).toEqual(['unclear', 0])
    expect(await pay(fails('sequenceError'))).toEqual(['failed', 0])
  })
  // req: T-13
  it('presents from a stacker where there is one: the same step for both kinds of device', async () => {
    const { ctx, fake, run } = setup({ 'CashDispenser.Dispense': () => ({ 'X-cash': 'stacked' }), 'CashDispenser.Present': () => ({ 'X-cash': 'presented' }) })
    ctx.data.amount = 30000
    expect(await run('dispense')).toBe('presented')
    expect(fake.names).toEqual(['CashDispenser.Dispense', 'CashDispenser.Present'])
  })
  it.each([
    ['CashManagement.ItemsTakenEvent', {}, 'taken'],
    ['X-Cash.RetractedEvent', { cash: 'retracted' }, 'retracted'],
    ['X-Cash.RetractedEvent', { cash: 'taken' }, 'taken'],
    ['X-Cash.RetractedEvent', { cash: 'unclear' }, 'unclear'],
    ['X-Cash.RetractedEvent', { cash: 'unclear', left: true }, 'left']
  ])('%s %j → %s', async (event, payload, exit) => {
    const { fake, run } = setup({ 'Common.Status': () => ({ cashDispenser: { positions: [{ positionStatus: 'notEmpty' }] } }) })
    const done = run('takeCash')
    await tick(1500)
    fake.cash.say(event, payload)
    expect(await done).toBe(exit)
  })
})

describe('a recycler that pays', () => {
  it('is asked in place of the dispenser, and each note is shown until the last', async () => {
    const shown: unknown[] = []
    const s = setup({
      'CashDispenser.Dispense': () => {
        for (const additionalBunches of ['2', '1', '0']) {
          s.fake.acceptor.say('CashManagement.ItemsPresentedEvent', { additionalBunches })
          shown.push([s.ctx.stage.screen, s.ctx.stage.params.notes])
        }
        return { 'X-cash': 'presented' }
      }
    })
    Object.assign(s.ctx.data, { amount: 30000, service: 'acceptor' })
    expect(await s.run('dispense')).toBe('presented')
    expect(shown).toEqual([['takeCash', 3], ['takeCash', 2], ['takeCash', 2]])
    const done = s.run('takeCash')
    s.fake.acceptor.say('CashManagement.ItemsTakenEvent', { additionalBunches: '1' }) // not the last one
    s.fake.cash.say('CashManagement.ItemsTakenEvent') // of the other module
    await tick(100)
    expect(s.ctx.stage).toMatchObject({ screen: 'takeCash', params: { keeps: true } })
    s.fake.acceptor.say('CashManagement.ItemsTakenEvent', { additionalBunches: '0' })
    expect(await done).toBe('taken')
  })
})

describe('the end', () => {
  it('asks for no receipt where none can be printed', async () => {
    const { ctx, run } = setup()
    ctx.info.services.receipt = { available: false, reason: 'printer' }
    expect(await run('askReceipt')).toBe('no')
    expect(await run('print', { form: 'balance', title: { zh: '', en: '' } })).toBe('failed')
  })
  it('does not undo the business for a receipt that fails', async () => {
    const { ctx, run } = setup({ 'Printer.PrintForm': fails('hardwareError') })
    expect(await run('print', { form: 'balance', title: { zh: '', en: '' } })).toBe('failed')
    expect(ctx.data.printFailed).toBe(true)
  })
  it('lets the customer read, then closes by itself without a warning', async () => {
    const { ctx, run } = setup()
    const told = run('tell', { kind: 'declined', seconds: 15 })
    await tick(14_000)
    expect(ctx.stage).toMatchObject({ screen: 'outcome', warn: undefined })
    await tick(1000)
    expect(await told).toBe('done')
  })
})
