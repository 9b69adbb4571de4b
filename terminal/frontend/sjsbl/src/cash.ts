import { DeviceError, type Payload, type Service } from '@counter/sjsl'
import { isLinkLost, type Context } from './context'
import type { Component } from './sequence'

/** States of the cash part in which certainly no note reached the customer. */
const NOTHING_PAID = ['', 'none', 'stacked', 'notDispensed']

/** A module that gives one note after the other from the mouth that takes notes in, and cannot draw any back. */
export const RECYCLER = 'acceptor'

/** The module that pays; the platform has chosen it when the host approved. */
function payer(ctx: Context): Service {
  return ctx.data.service === RECYCLER ? ctx.sjsl.acceptor : ctx.sjsl.cash
}

/** Pays out the approved amount. The platform's guard decides whether it may. */
export const dispense: Component = {
  exits: ['presented', 'partial', 'failed', 'unclear'],
  async run(ctx) {
    const amount = Number(ctx.data.amount)
    const module = payer(ctx)
    ctx.show('busy', { text: 'dispensing' })
    // The next note comes when the one before was taken.
    const stop = module.on((name, p) => {
      const more = Number(p.additionalBunches ?? 0)
      if (name === 'CashManagement.ItemsPresentedEvent' && more > 0) ctx.show('takeCash', { notes: more + 1, keeps: true })
    })
    try {
      let done = await module.call('CashDispenser.Dispense', { denomination: { denomination: { app: { currencies: { CNY: amount / 100 } } } }, position: 'outDefault' })
      // A device with a stacker counts first and presents on demand; the flow is the same for both.
      if (done['X-cash'] === 'stacked') done = await module.call('CashDispenser.Present', { position: 'outDefault' })
      ctx.data.paid = amount
      ctx.data.cashTaken = done['X-cash'] === 'taken'
      return 'presented'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      const paid = Number(e.payload['X-paid'] ?? 0)
      ctx.data.paid = paid
      if (paid > 0) return 'partial'
      return NOTHING_PAID.includes(String(e.payload['X-cash'] ?? '')) ? 'failed' : 'unclear'
    } finally {
      stop()
    }
  }
}

/** The platform draws untaken notes back by itself; this much later at the latest it must have said so. */
const RETRACTING = 120

/** Waits until the notes are taken; the platform retracts them when they are not. */
export const takeCash: Component = {
  exits: ['taken', 'retracted', 'left', 'unclear'],
  run: (ctx) => waitCashGone(ctx)
}

/** left: the module could not draw them back, they are within reach still. */
type CashGone = 'taken' | 'retracted' | 'left' | 'unclear'

export async function waitCashGone(ctx: Context): Promise<CashGone> {
  let stop = () => {}
  const end = new Promise<CashGone>((resolve) => {
    stop = payer(ctx).on((name, p: Payload) => {
      if (name === 'CashManagement.ItemsTakenEvent' && Number(p.additionalBunches ?? 0) === 0) resolve('taken')
      if (name === 'X-Cash.RetractedEvent') resolve(p.left === true ? 'left' : p.cash === 'taken' ? 'taken' : p.cash === 'unclear' ? 'unclear' : 'retracted')
    })
  })
  const after = (ms: number) => new Promise<undefined>((r) => setTimeout(() => r(undefined), ms))
  const seconds = ctx.info.timeouts.cash
  const last = Date.now() + (seconds + RETRACTING) * 1000
  try {
    return await ctx.wait<CashGone>(
      'takeCash',
      { amount: ctx.data.paid, seconds, partial: ctx.data.paid !== ctx.data.amount, ...(ctx.data.service === RECYCLER && { notes: 1, keeps: true }) },
      async (signal) => {
        for (let polls = 0; !signal.aborted && Date.now() < last; polls++) {
          const exit = await Promise.race([end, cashExit(ctx)])
          if (exit === 'taken' || exit === 'retracted' || exit === 'left' || exit === 'unclear') return exit
          const next = await Promise.race([end, after(exit === 'empty' ? 500 : 1000)])
          if (next) return next
          // Empty without an event: it came before we listened. A retract ends in an event of its own.
          if (exit === 'empty' && (await presentState(ctx)) === 'presented' && (await cashExit(ctx)) === 'empty') return 'taken'
          // A device that cannot see the notes being taken: the books say taken, the exit says nothing.
          if (exit !== 'empty' && exit !== 'notEmpty' && ctx.data.cashTaken === true && polls >= 5) return 'taken'
        }
        return 'unclear'
      },
      { idle: 0, cancel: false, attention: true }
    )
  } finally {
    stop()
  }
}

export async function presentState(ctx: Context): Promise<string> {
  try {
    return (await payer(ctx).call<{ presentState?: string }>('CashDispenser.GetPresentStatus')).presentState ?? 'unknown'
  } catch (e) {
    if (isLinkLost(e)) throw e
    return 'unknown'
  }
}

/** What lies at the cash exit: empty, notEmpty, unknown. */
export async function cashExit(ctx: Context): Promise<string> {
  try {
    const s = await payer(ctx).call<{ cashDispenser?: { positions?: { positionStatus: string }[] } }>('Common.Status')
    return s.cashDispenser?.positions?.[0]?.positionStatus ?? 'unknown'
  } catch (e) {
    if (isLinkLost(e)) throw e
    return 'unknown'
  }
}
