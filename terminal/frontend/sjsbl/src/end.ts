import { DeviceError, type Payload } from '@counter/sjsl'
import { isLinkLost, TimedOut } from './context'
import { yuan } from './money'
import type { Component } from './sequence'
import type { Payee } from './transfer'

/** Asks whether a receipt is wanted; where no printer works it does not ask. */
export const askReceipt: Component = {
  exits: ['yes', 'no'],
  async run(ctx) {
    if (ctx.info.services.receipt?.available !== true) return 'no'
    try {
      return await ctx.ask<string>('askReceipt', {}, { cancel: false })
    } catch (e) {
      if (e instanceof TimedOut) return 'no'
      throw e
    }
  }
}

/** Prints a form with what the sequence knows. A receipt that fails never undoes the business. */
export const print: Component = {
  exits: ['ok', 'failed'],
  async run(ctx, params: Payload) {
    if (ctx.info.services.receipt?.available !== true) return 'failed'
    ctx.show('busy', { text: 'printing' })
    const r = (ctx.data.result ?? {}) as { reference?: string; balance?: { available?: number; ledger?: number }; statement?: { time: string; kind: string; sign: string; amount: number }[] }
    const title = params.title as { zh: string; en: string }
    const fields: Payload = { title: title[ctx.lang], reference: r.reference ?? '' }
    if (params.form === 'withdrawal' || params.form === 'deposit') fields.amount = yuan(Number(ctx.data.paid))
    if (params.form === 'transfer') {
      const p = ctx.data.payee as Payee
      Object.assign(fields, { amount: yuan(Number(ctx.data.amount)), payee: p.account.replace(/^(.{6}).*(.{4})$/, '$1******$2'), payeeName: p.name })
    }
    if (r.balance?.available !== undefined) fields.available = yuan(r.balance.available)
    if (r.balance?.ledger !== undefined) fields.ledger = yuan(r.balance.ledger)
    if (r.statement) fields.entries = r.statement.map((e) => ({ date: `${e.time.slice(0, 2)}-${e.time.slice(2, 4)}`, kind: e.kind, signed: (e.sign === 'D' ? '-' : '+') + yuan(e.amount) }))
    try {
      await ctx.sjsl.printer.call('Printer.PrintForm', { formName: String(params.form), fields }, { timeout: 60000 })
      ctx.data.printed = true
      return 'ok'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      ctx.data.printFailed = true
      return 'failed'
    }
  }
}

/** Tells the customer how it ended: what happened, whether money moved, what to do next. */
export const tell: Component = {
  exits: ['done'],
  async run(ctx, params: Payload) {
    const result = (ctx.data.result ?? {}) as Payload
    const seconds = Number(params.seconds ?? 15)
    try {
      await ctx.ask('outcome', {
        kind: params.kind, text: result.text, reason: ctx.data.reason, reference: result.reference || result.txn, card: ctx.data.card,
        payee: ctx.data.payee, paid: ctx.data.paid, amount: ctx.data.amount, returned: ctx.data.returned, lines: ctx.data.lines, number: ctx.data.number, printed: ctx.data.printed === true, printFailed: ctx.data.printFailed === true, seconds
      }, { cancel: false, idle: 0, seconds })
    } catch (e) {
      if (!(e instanceof TimedOut)) throw e
    }
    return 'done'
  }
}
