import { DeviceError, type Payload, type Text } from '@counter/sjsl'
import { Canceled, isLinkLost, type Context } from './context'
import type { Component } from './sequence'

/** Asks for the passbook and reads its stripe. */
export const insertPassbook: Component = {
  exits: ['ok', 'invalid', 'failed'],
  async run(ctx) {
    try {
      const r = await ctx.wait<{ account?: string }>('insertPassbook', {}, (signal) =>
        ctx.sjsl.platform.call('X-Passbook.Insert', {}, {
          signal,
          timeout: 0,
          onEvent: (name) => {
            if (name !== 'Printer.MediaInsertedEvent' || signal.aborted) return
            ctx.extend()
            ctx.stage.params = { ...ctx.stage.params, reading: true }
          }
        })
      )
      ctx.data.pan = r.account
      return 'ok'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      if (e.code === 'canceled') throw new Canceled('canceled')
      return e.errorCode === 'msfError' || e.errorCode === 'noMSF' ? 'invalid' : 'failed'
    }
  }
}

interface Updated {
  outcome: 'updated' | 'nothing' | 'declined' | 'unknown' | 'notSent' | 'pageNotTurned' | 'unclear' | 'failed'
  printed?: number
  reference?: string
  txn?: string
  text?: Text
}

/** Prints what is not in the book yet; the platform asks the bank, turns pages and writes the stripe. */
export const updatePassbook: Component = {
  exits: ['updated', 'nothing', 'declined', 'noAnswer', 'pageNotTurned', 'unclear', 'failed'],
  async run(ctx) {
    ctx.show('busy', { text: 'askingLines' })
    const r = (await ctx.sjsl.platform.call<Payload>('X-Passbook.Update', {}, { timeout: 0, onEvent: (name, p) => follow(ctx, name, p) })) as unknown as Updated
    ctx.data.lines = r.printed ?? 0
    ctx.data.result = { reference: r.reference, txn: r.txn, text: r.text }
    return r.outcome === 'unknown' || r.outcome === 'notSent' ? 'noAnswer' : r.outcome
  }
}

function follow(ctx: Context, name: string, p: Payload): void {
  if (name === 'X-Passbook.ProgressEvent') ctx.show('busy', { text: 'printingBook' })
  if (name === 'Printer.MediaInsertedEvent') ctx.show('busy', { text: 'printingBook' })
  if (name === 'Printer.NoMediaEvent' && p.userPrompt === 'turnPage') {
    ctx.show('insertPassbook', { turn: true })
    ctx.stage.attention = true
  }
}

/** Gives the book back. */
export const returnPassbook: Component = {
  exits: ['done'],
  async run(ctx) {
    ctx.show('busy', { text: 'returningBook' })
    try {
      await ctx.sjsl.platform.call('X-Passbook.Return', {}, { timeout: 0 })
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
    }
    return 'done'
  }
}
