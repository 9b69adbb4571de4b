import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Context } from './context'
import { library } from './index'
import { blankStage, fails, FakeSjsl, someInfo, waits, type Script } from './testing'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function setup(script: Script = {}) {
  const fake = new FakeSjsl(script)
  const ctx = new Context(fake.sjsl, someInfo(), 'zh', 'deposit', blankStage())
  return { fake, ctx, run: (name: string, params = {}) => library[name]!.run(ctx, params) }
}
const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
const total = (credited: number, escrow: number, notes: number) => ({ 'X-deposit': { credited, escrow, notes, returned: 0, refused: 0 } })

/** One note for each answer, then the mouth stays open until it is canceled. */
const notes = (...sums: object[]): Script => ({ 'CashAcceptor.CashIn': (p, o) => sums.shift() ?? waits(p, o) })

describe('takeNotes', () => {
  it('shows the running sum, and asks for one note after the other until the customer is done', async () => {
    const { ctx, fake, run } = setup(notes(total(0, 10000, 1), total(10000, 10000, 2)))
    const exit = run('takeNotes')
    await tick(7000)
    expect(ctx.stage.screen).toBe('insertNotes')
    expect(ctx.stage.params).toMatchObject({ credited: 10000, escrow: 10000, notes: 2, limit: 5000000 })
    ctx.answer('enough')
    expect(await exit).toBe('enough')
    expect(fake.names).toEqual(['CashAcceptor.CashInStart', 'Common.Capabilities', 'CashAcceptor.CashIn', 'CashAcceptor.CashIn', 'CashAcceptor.CashIn'])
  })
  it('leaves time to take the note back where the next one would stack it, and none where it would not', async () => {
    for (const [intermediateStacker, opened] of [[1, 1], [50, 2]] as const) {
      const { ctx, fake, run } = setup({ ...notes(total(0, 10000, 1)), 'Common.Capabilities': () => ({ cashAcceptor: { intermediateStacker } }) })
      const exit = run('takeNotes')
      await tick(1000)
      ctx.answer('takeBack')
      expect(await exit).toBe('takeBack')
      await tick(5000)
      expect(fake.names.filter((n) => n === 'CashAcceptor.CashIn')).toHaveLength(opened)
    }
  })
  it('says why a note came back, in words it has, and forgets it with the next note', async () => {
    let ev: ((name: string, p: object) => void) | undefined
    const { ctx, run } = setup({ 'CashAcceptor.CashIn': (p, o) => ((ev = o.onEvent as never), waits(p, o)) })
    void run('takeNotes')
    await tick(200)
    ev!('CashAcceptor.InputRefuseEvent', { reason: 'counterfeit' })
    expect(ctx.stage.params.refused).toBe('counterfeit')
    ev!('CashAcceptor.InputRefuseEvent', { reason: 'somethingNew' })
    expect(ctx.stage.params.refused).toBe('invalidBill')
    ev!('CashManagement.ItemsInsertedEvent', {})
    expect(ctx.stage.params.refused).toBe('')
    ctx.answer('takeBack')
  })
  it('asks the lobby manager when the sum has reached the limit, and goes on only when he agrees', async () => {
    for (const [decision, opened] of [['approved', 3], ['rejected', 2]] as const) {
      let asked: object | undefined
      const { ctx, fake, run } = setup({
        ...notes(total(0, 10000, 1), total(10000, 10000, 2)),
        'X-Pad.Request': (p) => ((asked = p), { decision, approval: 'A1' })
      })
      ctx.info.limits.depositOver = 20000
      const exit = run('takeNotes')
      await tick(8000)
      expect(asked).toEqual({ kind: 'deposit', amount: 20000 })
      expect(fake.names.filter((n) => n === 'CashAcceptor.CashIn')).toHaveLength(opened)
      expect(ctx.stage.params.manager).toBe(decision === 'approved' ? '' : 'no')
      ctx.answer('enough')
      expect(await exit).toBe('enough')
    }
  })
  // req: UX-01
  it('warns a customer who does nothing for 20 s, then closes in order what is inside', async () => {
    const { ctx, run } = setup(notes(total(0, 10000, 1)))
    const exit = run('takeNotes')
    await tick(200)
    await tick(61_000)
    expect(ctx.stage.warn).toBeGreaterThan(0)
    await tick(25_000)
    expect(await exit).toBe('enough')
  })
  it('goes on with what is inside when the acceptor stops', async () => {
    const { run } = setup({ 'CashAcceptor.CashIn': fails('hardwareError') })
    const exit = run('takeNotes')
    await tick(200)
    expect(await exit).toBe('enough')
  })
  it('says so when the mouth does not open', async () => {
    const { run } = setup({ 'CashAcceptor.CashInStart': fails('sequenceError') })
    const exit = run('takeNotes')
    await tick(200)
    expect(await exit).toBe('failed')
  })
})

describe('closeNotes', () => {
  it.each(['credited', 'pending', 'refused', 'unclear', 'nothing'])('answers what the books say: %s', async (outcome) => {
    const { ctx, run } = setup({ 'X-Host.Confirm': () => ({ outcome, amount: 20000, reference: 'R-1', txn: 't' }) })
    expect(await run('closeNotes')).toBe(outcome)
    expect(ctx.data.paid).toBe(20000)
  })
  it('asks the books even if the acceptor failed, and gives back only when the customer wants it', async () => {
    const { ctx, fake, run } = setup({ 'CashAcceptor.CashInRollback': fails('hardwareError'), 'X-Host.Confirm': () => ({ outcome: 'open', amount: 0, deposit: { returned: 10000 } }) })
    expect(await run('closeNotes', { takeBack: true })).toBe('unclear')
    expect(ctx.data.returned).toBe(10000)
    expect(fake.names).toEqual(['CashAcceptor.CashInRollback', 'X-Host.Confirm'])
  })
})
