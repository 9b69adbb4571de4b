import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Canceled, Context } from './context'
import { library } from './index'
import { blankStage, fails, FakeSjsl, someInfo, waits, type Script } from './testing'
import { grouped, type Case } from './transfer'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function setup(script: Script = {}, data = {}) {
  const fake = new FakeSjsl(script)
  const ctx = new Context(fake.sjsl, someInfo(), 'zh', 'transfer', blankStage())
  Object.assign(ctx.data, data)
  return { fake, ctx, run: (name: string, params = {}) => library[name]!.run(ctx, params) }
}
const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
const text = { zh: '', en: '' }
/** A case with its terminal, teller and terminal steps, at the n-th. */
const at = (n: number, state = 'open', reason?: typeof text): Case => ({
  needed: true, title: text, state, expires: '2026-11-22T16:00:00Z',
  steps: [['identify', 'terminal', 'identity'], ['review', 'teller', ''], ['accept', 'terminal', 'signature']].map(([name, by, wants], i) => ({ name: name!, title: text, by: by!, wants, state: i < n ? 'done' : i > n ? 'waiting' : reason ? 'refused' : state === 'open' ? 'current' : 'waiting', reason: i === n ? reason : undefined }))
})

describe('enterPayee', () => {
  it('goes on with a name only, and keeps what was typed', async () => {
    let outcome = 'declined'
    const { ctx, fake, run } = setup({ 'X-Host.Transact': () => ({ outcome, responseCode: outcome === 'declined' ? '14' : '00', name: outcome === 'approved' ? '*七' : undefined }) })
    const exit = run('enterPayee')
    await tick()
    ctx.answer('1234')
    await tick()
    expect(ctx.stage.params).toMatchObject({ refused: 'form', typed: '1234' })
    expect(fake.calls).toHaveLength(0)
    ctx.answer('6225880000000009')
    await tick()
    expect(ctx.stage.params).toMatchObject({ refused: 'unknown', typed: '6225880000000009' })
    outcome = 'approved'
    ctx.answer('6225880000000005')
    expect(await exit).toBe('ok')
    expect(ctx.data.payee).toEqual({ account: '6225880000000005', name: '*七' })
  })
  it('ends when nobody can say whose it is', async () => {
    for (const outcome of ['unknown', 'notSent']) {
      const { ctx, run } = setup({ 'X-Host.Transact': () => ({ outcome }) })
      const exit = run('enterPayee')
      await tick()
      ctx.answer('6225880000000005')
      expect(await exit).toBe('failed')
    }
  })
})

it('tells a card that the bank refuses from an account that nobody has', async () => {
  for (const [answer, exit] of [[{ responseCode: '62' }, 'declined'], [{ responseCode: '41', captureCard: true }, 'capture']] as const) {
    const { ctx, run } = setup({ 'X-Host.Transact': () => ({ outcome: 'declined', text, ...answer }) })
    const done = run('enterPayee')
    await tick()
    ctx.answer('6225880000000005')
    expect(await done).toBe(exit)
    expect(ctx.data.result).toMatchObject(answer)
  }
})

describe('a case', () => {
  it('is opened when the server says so, and a counter without a reader says that it cannot', async () => {
    for (const [script, exit] of [[() => ({ needed: false }), 'notNeeded'], [() => at(0), 'open'], [fails('unsupportedCommand'), 'impossible'], [fails('deviceNotReady'), 'failed']] as const)
      expect(await setup({ 'X-Case.Open': script }, { amount: 6000000 }).run('openCase')).toBe(exit)
  })
  it('asks the customer for what is due, and shows who else has to agree', async () => {
    expect(await setup({}, { case: at(0) }).run('caseSteps')).toBe('identity')
    expect(await setup({}, { case: at(2) }).run('caseSteps')).toBe('signature')
    let n = 1
    const { ctx, run } = setup({ 'X-Case.Wait': async () => (await new Promise((r) => setTimeout(r, 1000)), at(n)) }, { case: at(1), amount: 6000000 })
    const exit = run('caseSteps')
    await tick()
    expect(ctx.stage).toMatchObject({ screen: 'caseWait', cancel: true })
    await tick(3000)
    n = 2
    await tick(1500)
    expect(await exit).toBe('signature')
  })
  it('ends as people say, with their reason', async () => {
    const reason = { zh: '证件不全', en: 'documents' }
    const { ctx, run } = setup({ 'X-Case.Wait': () => at(1, 'refused', reason) }, { case: at(1) })
    expect(await run('caseSteps')).toBe('refused')
    expect(ctx.data.reason).toEqual(reason)
    expect(await setup({ 'X-Case.Wait': () => at(1, 'expired') }, { case: at(1) }).run('caseSteps')).toBe('expired')
    for (const how of ['moved', 'used', 'withdrawn']) expect(await setup({ 'X-Case.Wait': () => at(1, how) }, { case: at(1) }).run('caseSteps')).toBe(how)
    expect(await setup({ 'X-Case.Wait': () => at(1, 'gone') }, { case: at(1) }).run('caseSteps')).toBe('expired')
    expect(await setup({}, { case: at(3, 'ready') }).run('caseSteps')).toBe('ready')
  })
  it('waits for a server that is away, and is left by a customer who cancels', async () => {
    let away = 3
    const { run } = setup({ 'X-Case.Wait': () => (away-- > 0 ? fails('deviceNotReady')() : at(3, 'ready')) }, { case: at(1) })
    const exit = run('caseSteps')
    await tick(7000)
    expect(await exit).toBe('ready')
    const b = setup({ 'X-Case.Wait': waits }, { case: at(1) })
    const left = b.run('caseSteps').catch((e: unknown) => e)
    await tick(10)
    b.ctx.cancel()
    expect(await left).toBeInstanceOf(Canceled)
  })
})

describe('what is signed', () => {
  it('names payee and amount', async () => {
    const { ctx, fake, run } = setup({ 'X-Signature.Take': () => ({}) }, { pan: '622588******0001', amount: 6000000, payee: { account: '6225880000000005', name: '*七' } })
    const exit = run('sign', { paper: 'transfer/1', title: text, text: { zh: '{pan} {account} {name} {amount} {other}', en: '' } })
    await tick()
    ctx.answer([[[1, 2, 3, 500]]])
    expect(await exit).toBe('ok')
    expect(fake.calls[0]!.payload.text).toBe('622588******0001 6225 8800 0000 0005 *七 60,000.00 {other}')
  })
})

it('groups an account by four', () => expect([grouped('62258800'), grouped('622588000'), grouped('')]).toEqual(['6225 8800', '6225 8800 0', '']))
