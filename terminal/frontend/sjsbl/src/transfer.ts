import { DeviceError, type Payload, type Text } from '@counter/sjsl'
import { Canceled, isLinkLost, pause, type Context } from './context'
import type { Transaction } from './host'
import type { Component } from './sequence'

/** Who gets a transfer: the account as it was typed, and the name that the bank has for it, masked. */
export interface Payee {
  account: string
  name: string
}

/** Business in steps as the platform tells it: who has done what, and whose turn it is. */
export interface Case {
  needed: boolean
  title: Text
  state: string
  expires: string
  steps: { name: string; title: Text; by: string; state: string; wants?: string; reason?: Text }[]
}

/** An account number in groups of four, as it stands on a card. */
export const grouped = (account: string): string => account.replace(/(.{4})(?=.)/g, '$1 ')

/** The bank's answer for an account that nobody has. */
const noAccount = '14'

/** Asks for the account that gets the money; the bank says whose it is before anything else is asked. */
export const enterPayee: Component = {
  exits: ['ok', 'declined', 'capture', 'failed'],
  async run(ctx) {
    for (let refused = '', typed = (ctx.data.payee as Payee | undefined)?.account ?? ''; ; ) {
      typed = await ctx.ask<string>('enterPayee', { refused, typed })
      if (!/^\d{8,32}$/.test(typed)) {
        refused = 'form'
        continue
      }
      ctx.show('busy', { text: 'askingPayee' })
      try {
        const r = await ctx.sjsl.platform.call<Transaction & { name?: string }>('X-Host.Transact', { type: 'payee', payee: typed })
        if (r.outcome === 'approved' && r.name) {
          ctx.data.payee = { account: typed, name: r.name } satisfies Payee
          return 'ok'
        }
        if (r.outcome !== 'declined') return 'failed'
        if (r.responseCode !== noAccount) {
          ctx.data.result = r // the card is blocked, for one: another account does not help
          return r.captureCard ? 'capture' : 'declined'
        }
      } catch (e) {
        if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
        if (e.code !== 'sequenceError') return 'failed' // the payer's own account is asked for anew
      }
      refused = 'unknown'
    }
  }
}

/** Asks for the amount in yuan, with the payee before the customer's eyes. */
export const transferAmount: Component = {
  exits: ['ok'],
  async run(ctx) {
    ctx.data.amount = await ctx.ask<number>('transferAmount', { payee: ctx.data.payee, typed: ctx.data.amount })
    return 'ok'
  }
}

/** Everything once more before it is done. */
export const confirmTransfer: Component = {
  exits: ['ok', 'change'],
  run: (ctx) => ctx.ask<string>('confirmTransfer', { payee: ctx.data.payee, amount: ctx.data.amount, pan: ctx.data.pan })
}

/** Lets people begin when the server's table of cases says that the amount needs them. */
export const openCase: Component = {
  exits: ['notNeeded', 'open', 'impossible', 'failed'],
  async run(ctx) {
    ctx.show('busy', { text: 'checking' })
    try {
      const c = await ctx.sjsl.platform.call<Case>('X-Case.Open', { amount: ctx.data.amount })
      ctx.data.case = c
      return c.needed ? 'open' : 'notNeeded'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      return e.code === 'unsupportedCommand' ? 'impossible' : 'failed'
    }
  }
}

const turn = (c: Case) => c.steps.find((s) => s.state === 'current')

/** How long the server may be away while people are busy: seconds between two questions, and how often. */
const AGAIN = 2
const AWAY = 60

/** How a case can end that is told as it is; one that the server does not know (any more) is told as expired. */
const ends = ['ready', 'refused', 'withdrawn', 'moved', 'used'] as const

/** Shows who has to agree, until it is the customer's turn or the case has come to its end. */
export const caseSteps: Component = {
  exits: ['identity', 'signature', 'ready', 'refused', 'withdrawn', 'moved', 'used', 'expired', 'failed'],
  async run(ctx) {
    let c = ctx.data.case as Case
    if (!turn(c)?.by || turn(c)!.by !== 'terminal') c = await people(ctx, c)
    ctx.data.case = c
    const due = turn(c)
    if (c.state === 'open' && due?.by === 'terminal') return due.wants === 'signature' ? 'signature' : due.wants === 'identity' ? 'identity' : 'failed'
    ctx.data.reason = c.steps.find((s) => s.state === 'refused')?.reason
    return ends.find((x) => x === c.state) ?? (c.state === 'open' ? 'failed' : 'expired')
  }
}

/** Waits while it is somebody else's turn; a customer who cancels withdraws the case. */
async function people(ctx: Context, first: Case): Promise<Case> {
  if (first.state !== 'open') return first
  let c = first
  try {
    return await ctx.wait<Case>('caseWait', { case: c, amount: ctx.data.amount, since: Date.now() }, async (signal) => {
      for (let away = 0; c.state === 'open' && turn(c)?.by !== 'terminal' && away < AWAY && !signal.aborted; ) {
        try {
          c = await ctx.sjsl.platform.call<Case>('X-Case.Wait', {}, { signal, timeout: 40000 })
          away = 0
          if (!signal.aborted) ctx.stage.params = { ...ctx.stage.params, case: c }
        } catch (e) {
          if (!(e instanceof DeviceError) || isLinkLost(e) || e.code !== 'deviceNotReady') throw e
          away++
          await pause(AGAIN * 1000)
        }
      }
      return c
    }, { idle: 0 })
  } catch (e) {
    if (e instanceof DeviceError && e.code === 'canceled') throw new Canceled('canceled')
    if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
    return c
  }
}

/** Brings what the terminal's step wants: the identity that was read, or the signature. */
export const caseStep: Component = {
  exits: ['ok', 'failed'],
  async run(ctx, _: Payload) {
    ctx.show('busy', { text: 'checking' })
    try {
      ctx.data.case = await ctx.sjsl.platform.call<Case>('X-Case.Step')
      return 'ok'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      return 'failed'
    }
  }
}
