import { DeviceError, type Payload, type Service, type Text } from '@counter/sjsl'
import { isLinkLost, pause, TimedOut, type Context } from './context'
import type { Component } from './sequence'

/** What the platform says of a deposit, in minor units. Escrow can still be given back; credited can not. */
interface Total {
  credited: number
  escrow: number
  returned: number
  notes: number
  refused: number
}

/** Every reason of an InputRefuseEvent that has words of its own. */
const REASONS = ['cashInUnitFull', 'invalidBill', 'depositFailure', 'foreignItemsDetected', 'invalidBunch', 'counterfeit', 'limitOverTotalItems', 'limitOverAmount']

/** The acceptor's link is opened when it is first wanted. */
async function linked(acceptor: Service): Promise<void> {
  for (let n = 0; !acceptor.connected && n < 50; n++) await pause(100)
}

/**
 * Takes notes one after the other and shows the sum, until the customer has put in enough or wants
 * back what can come back. It never throws for time or Cancel: what is inside must be closed in order.
 */
export const takeNotes: Component = {
  exits: ['enough', 'takeBack', 'failed'],
  async run(ctx) {
    ctx.show('busy', { text: 'openingAcceptor' })
    const acceptor = ctx.sjsl.acceptor
    await linked(acceptor)
    try {
      await acceptor.call('CashAcceptor.CashInStart')
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      return 'failed'
    }
    try {
      return await ctx.wait<string>('insertNotes', { credited: 0, escrow: 0, notes: 0, limit: ctx.info.limits.deposit }, (signal) => insert(ctx, acceptor, signal), { cancel: false, attention: true })
    } catch (e) {
      if (e instanceof TimedOut) return 'enough' // nobody is there: the money goes to the account, not to whoever comes next
      throw e
    }
  }
}

/**
 * Seconds in which the note just read can be taken back, where the device holds one only: to read
 * the next one it must stack this one.
 */
const HOLD = 3

/** How many notes the device can hold and still give back. */
async function places(acceptor: Service): Promise<number> {
  const c = await acceptor.call<{ cashAcceptor?: { intermediateStacker?: number } }>('Common.Capabilities')
  return c.cashAcceptor?.intermediateStacker ?? 0
}

/** Lets notes in until the device takes no more or the customer has answered. */
async function insert(ctx: Context, acceptor: Service, signal: AbortSignal): Promise<string> {
  const show = (p: Payload) => {
    if (signal.aborted) return
    ctx.extend()
    ctx.stage.params = { ...ctx.stage.params, ...p }
  }
  const sum = (p: Payload) => {
    const total = p['X-deposit'] as Total | undefined
    if (total) show({ credited: total.credited, escrow: total.escrow, notes: total.notes })
  }
  const one = (await places(acceptor)) <= 1
  while (!signal.aborted) {
    try {
      if (one && Number(ctx.stage.params.escrow) > 0) await hold(ctx, signal)
      if (signal.aborted) break
      const over = ctx.info.limits.depositOver ?? 0
      if (over > 0 && !ctx.data.approval && Number(ctx.stage.params.credited) + Number(ctx.stage.params.escrow) >= over && !(await agreed(ctx, signal))) {
        if (signal.aborted) break
        show({ manager: 'no' })
        return await new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('enough'), { once: true }))
      }
      sum(await acceptor.call('CashAcceptor.CashIn', {}, {
        signal,
        timeout: 0,
        onEvent: (name, p) => {
          if (name === 'CashAcceptor.InsertItemsEvent') show({ moving: false })
          if (name === 'CashManagement.ItemsInsertedEvent') show({ moving: true, refused: '' })
          if (name === 'CashAcceptor.InputRefuseEvent') show({ moving: false, refused: REASONS.includes(String(p.reason)) ? p.reason : 'invalidBill' })
        }
      }))
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      sum(e.payload)
      if (e.code === 'canceled') break
      if (e.code === 'timeOut') continue
      // Full, jammed, away: no more notes, but those that are in count.
      ctx.data.acceptorStopped = true
      if (e.errorCode === 'tooManyItems') {
        show({ full: true })
        return await new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('enough'), { once: true }))
      }
      return 'enough'
    }
  }
  return 'enough'
}

/** Asks the lobby manager whether more notes may come, as often as the customer's time is not over. */
async function agreed(ctx: Context, signal: AbortSignal): Promise<boolean> {
  const put = (p: Payload) => {
    if (!signal.aborted) ctx.stage.params = { ...ctx.stage.params, ...p }
  }
  put({ manager: 'waiting' })
  const stays = setInterval(() => ctx.extend(), 5000) // the customer waits for somebody else
  try {
    const r = await ctx.sjsl.platform.call<Payload>('X-Pad.Request', { kind: 'deposit', amount: Number(ctx.stage.params.credited) + Number(ctx.stage.params.escrow) }, { signal, timeout: 0 })
    if (r.decision !== 'approved') return false
    ctx.data.approval = r.approval
    put({ manager: '' })
    return true
  } catch (e) {
    if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
    return false
  } finally {
    clearInterval(stays)
  }
}

/** Leaves the customer time to take the note back before it is stacked. */
async function hold(ctx: Context, signal: AbortSignal): Promise<void> {
  ctx.stage.params = { ...ctx.stage.params, moving: false, holding: true }
  await Promise.race([pause(HOLD * 1000), new Promise((r) => signal.addEventListener('abort', r, { once: true }))])
  if (!signal.aborted) ctx.stage.params = { ...ctx.stage.params, holding: false }
}

interface Confirmed {
  outcome: 'credited' | 'pending' | 'refused' | 'unclear' | 'open' | 'nothing'
  amount: number
  reference: string
  txn: string
  text?: Text
  deposit?: Total
}

/** Stacks what is in escrow, or gives it back, and tells the bank what was taken in. */
export const closeNotes: Component = {
  exits: ['credited', 'pending', 'refused', 'unclear', 'nothing'],
  async run(ctx, params: Payload) {
    const back = params.takeBack === true
    ctx.show('busy', { text: back ? 'returningNotes' : 'stacking' })
    try {
      await ctx.sjsl.acceptor.call(back ? 'CashAcceptor.CashInRollback' : 'CashAcceptor.CashInEnd', {}, { timeout: 0 })
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e // how it ended is the books' to say
    }
    ctx.show('busy', { text: 'crediting' })
    const r = await ctx.sjsl.platform.call<Payload>('X-Host.Confirm', {}, { timeout: 0 }) as unknown as Confirmed
    ctx.data.result = { txn: r.txn, reference: r.reference, text: r.text }
    ctx.data.paid = ctx.data.amount = r.amount
    ctx.data.returned = r.deposit?.returned ?? 0
    return r.outcome === 'open' ? 'unclear' : r.outcome
  }
}
