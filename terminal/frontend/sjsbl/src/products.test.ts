import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Canceled, Context } from './context'
import { library } from './index'
import { blankStage, fails, FakeSjsl, someInfo, waits, type Script } from './testing'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function setup(script: Script = {}) {
  const fake = new FakeSjsl(script)
  const ctx = new Context(fake.sjsl, someInfo(), 'zh', 'cardIssue', blankStage())
  return { fake, ctx, run: (name: string, params = {}) => library[name]!.run(ctx, params) }
}
const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

describe('readIdentity', () => {
  it('shows that the card is read, and learns no more than the mask', async () => {
    const { ctx, run } = setup({ 'X-Identity.Read': (_, o) => (o.onEvent!('X-IdCard.CardDetectedEvent', {}), { name: '张*', number: '9*4' }) })
    expect(await run('readIdentity')).toBe('ok')
    expect(ctx.data.person).toEqual({ name: '张*', number: '9*4' })
  })
  it('tells a card that cannot be read from a reader that has failed', async () => {
    for (const [code, exit] of [['X-cardUnreadable', 'unreadable'], ['X-cardNotGenuine', 'unreadable'], ['X-securityModule', 'failed']] as const)
      expect(await setup({ 'X-Identity.Read': fails('commandErrorCode', code) }).run('readIdentity')).toBe(exit)
  })
  it('ends when the customer cancels', async () => {
    const { ctx, run } = setup({ 'X-Identity.Read': waits })
    const exit = run('readIdentity').catch((e: unknown) => e)
    await tick(10)
    ctx.cancel()
    expect(await exit).toBeInstanceOf(Canceled)
  })
})

describe('enterPhone', () => {
  it('keeps what was typed until it is a mobile number', async () => {
    const { ctx, run } = setup()
    const exit = run('enterPhone')
    await tick()
    ctx.answer('0138000')
    await tick()
    expect(ctx.stage.params).toMatchObject({ refused: true, typed: '0138000' })
    ctx.answer('13800000000')
    expect(await exit).toBe('ok')
    expect(ctx.data.phone).toBe('13800000000')
  })
})

describe('sign', () => {
  const params = { paper: 'card-agreement/1', title: { zh: '请签名', en: 'Sign' }, text: { zh: '协议', en: 'Agreement' } }
  it('hands text and strokes over, and asks again for what is no signature', async () => {
    let taken = 0
    const { ctx, fake, run } = setup({ 'X-Signature.Take': () => (taken++ === 0 ? fails('invalidData')() : {}) })
    const exit = run('sign', params)
    await tick()
    ctx.answer([[[0, 0, 0, 500]]])
    await tick()
    expect(ctx.stage.params.refused).toBe(true)
    ctx.answer([[[1, 2, 3, 500]]])
    expect(await exit).toBe('ok')
    expect(fake.calls.at(-1)!.payload).toEqual({ document: 'card-agreement/1', text: '协议', strokes: [[[1, 2, 3, 500]]] })
  })
  it('gives up when the platform cannot keep it', async () => {
    const { ctx, run } = setup({ 'X-Signature.Take': fails('internalError') })
    const exit = run('sign', params)
    await tick()
    ctx.answer([])
    expect(await exit).toBe('failed')
  })
})

describe('handOverCard', () => {
  it('asks the customer to take the card only when it is at the exit', async () => {
    let seen = ''
    const { ctx, run } = setup({ 'X-Card.HandOver': (_, o) => ((seen = ctx.stage.screen), o.onEvent!('X-Card.PresentedEvent', {}), (seen += ` ${ctx.stage.screen} ${ctx.stage.attention}`), {}) })
    expect(await run('handOverCard')).toBe('taken')
    expect(seen).toBe('busy takeCard true')
  })
  it('tells a kept card from one that nobody knows about', async () => {
    for (const [code, exit] of [['X-cardKept', 'kept'], ['X-cardUnclear', 'unclear'], ['', 'unclear']] as const)
      expect(await setup({ 'X-Card.HandOver': fails('commandErrorCode', code) }).run('handOverCard')).toBe(exit)
  })
})

describe('the passbook', () => {
  it('tells a stripe that cannot be read from a printer that has failed', async () => {
    for (const [code, exit] of [['msfError', 'invalid'], ['mediaJammed', 'failed']] as const)
      expect(await setup({ 'X-Passbook.Insert': fails('commandErrorCode', code) }).run('insertPassbook')).toBe(exit)
  })
  it('asks to turn the page while it is printed, and says how far it came', async () => {
    let screens = ''
    const { ctx, run } = setup({
      'X-Passbook.Update': (_, o) => {
        for (const [name, p] of [['X-Passbook.ProgressEvent', {}], ['Printer.NoMediaEvent', { userPrompt: 'turnPage' }], ['Printer.MediaInsertedEvent', {}]] as const) {
          o.onEvent!(name, p)
          screens += ` ${ctx.stage.screen}`
        }
        return { outcome: 'updated', printed: 11 }
      }
    })
    expect(await run('updatePassbook')).toBe('updated')
    expect(screens).toBe(' busy insertPassbook busy')
    expect(ctx.data.lines).toBe(11)
  })
  it('has one ending for a bank that does not answer', async () => {
    for (const outcome of ['unknown', 'notSent']) expect(await setup({ 'X-Passbook.Update': () => ({ outcome }) }).run('updatePassbook')).toBe('noAnswer')
  })
})
