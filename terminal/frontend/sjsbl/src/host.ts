import { DeviceError, type Payload, type Text } from '@counter/sjsl'
import { Canceled, isLinkLost, TimedOut } from './context'
import type { Component } from './sequence'
import type { Payee } from './transfer'

/** Why an amount may not be asked for, "" when it may. 0 means: no such limit. */
export function refusal(amount: number, limits: { multiple: number; perTxn: number }): '' | 'multiple' | 'limit' {
  if (!Number.isSafeInteger(amount) || amount <= 0) return 'multiple'
  if (limits.multiple > 0 && amount % limits.multiple !== 0) return 'multiple'
  return limits.perTxn > 0 && amount > limits.perTxn ? 'limit' : ''
}

/** Lets the customer choose an amount; what was typed stays on the screen when it is refused. */
export const chooseAmount: Component = {
  exits: ['ok'],
  async run(ctx) {
    const { multiple, perTxn, padOver } = ctx.info.limits
    for (let refused = '', typed = 0; ; ) {
      const amount = await ctx.ask<number>('chooseAmount', { multiple, perTxn, padOver, refused, typed })
      typed = amount
      refused = refusal(amount, ctx.info.limits)
      if (refused) continue
      ctx.show('busy', { text: 'checking' })
      try {
        // Ask whether the notes are there before the host is asked for the money.
        await ctx.sjsl.cash.call('CashDispenser.Denominate', { request: { denomination: { app: { currencies: { CNY: amount / 100 } } } } })
        ctx.data.amount = amount
        return 'ok'
      } catch (e) {
        if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
        refused = 'notDispensable'
      }
    }
  }
}

/** Asks the lobby manager when the amount is above the limit, or `always` where there is none. */
export const askManager: Component = {
  exits: ['notNeeded', 'approved', 'rejected', 'expired', 'failed'],
  async run(ctx, params: Payload) {
    const amount = params.always === true ? 0 : Number(ctx.data.amount ?? 0)
    const kind = String(params.kind ?? 'withdrawal')
    const over = ctx.info.limits.padOver
    if (params.always !== true && (over <= 0 || amount <= over)) return 'notNeeded'
    const since = Date.now()
    try {
      const r = await ctx.wait<{ approval: string; decision: string; manager?: string; reason?: Text; note?: string }>(
        'managerWait',
        { kind, amount, since },
        (signal) =>
          ctx.sjsl.platform.call('X-Pad.Request', { kind, amount }, {
            signal,
            onEvent: (_, p) => {
              if (!signal.aborted) ctx.stage.params = { ...ctx.stage.params, expires: p.expires }
            }
          }),
        { idle: 0 }
      )
      ctx.data.approval = r.approval
      ctx.data.reason = r.reason
      return r.decision === 'approved' || r.decision === 'rejected' ? r.decision : 'expired'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      if (e.code === 'canceled') throw new Canceled('canceled')
      if (e.code === 'timeOut') return 'expired'
      return 'failed'
    }
  }
}

export interface Transaction {
  txn: string
  outcome: 'approved' | 'declined' | 'unknown' | 'notSent'
  responseCode: string
  text: Text
  reference: string
  captureCard?: boolean
  /** Of a withdrawal: the service of the module that pays. */
  service?: string
  balance?: { available?: number; ledger?: number }
  statement?: Payload[]
}

/** Runs the online transaction `type` with the session's card and PIN. */
export const transact: Component = {
  exits: ['approved', 'wrongPin', 'declined', 'capture', 'unknown', 'notSent'],
  async run(ctx, params: Payload) {
    ctx.show('busy', { text: 'transacting' })
    let r: Transaction
    try {
      r = await ctx.sjsl.platform.call<Transaction>('X-Host.Transact', {
        type: String(params.type),
        amount: params.type === 'withdrawal' || params.type === 'transfer' ? ctx.data.amount : 0,
        approval: ctx.data.approval ?? '',
        phone: ctx.data.phone ?? '',
        payee: (ctx.data.payee as Payee | undefined)?.account ?? ''
      }, {
        // A card over the antenna signs the amount: it is asked for again.
        onEvent: (name) => {
          if (name === 'X-Card.TapEvent') ctx.show('busy', { text: 'tapping' })
          if (name === 'X-Card.TappedEvent') ctx.show('busy', { text: 'transacting' })
        }
      })
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      ctx.data.result = { outcome: 'notSent', text: undefined }
      return 'notSent'
    }
    ctx.data.result = r
    ctx.data.service = r.service ?? ''
    ctx.data.wrongPin = r.responseCode === '55'
    if (r.outcome === 'declined') return r.captureCard ? 'capture' : r.responseCode === '55' ? 'wrongPin' : 'declined'
    return r.outcome
  }
}

/** Shows what the host answered (balance, statement) until the customer goes on. */
export const present: Component = {
  exits: ['print', 'done'],
  async run(ctx, params: Payload) {
    try {
      return await ctx.ask<string>(String(params.screen), { result: ctx.data.result, pan: ctx.data.pan, printer: ctx.info.services.receipt?.available === true }, { cancel: false })
    } catch (e) {
      if (e instanceof TimedOut) return 'done'
      throw e
    }
  }
}
