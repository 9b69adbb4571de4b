import { DeviceError, type Payload, type Text } from '@counter/sjsl'
import { isLinkLost } from './context'
import type { Component } from './sequence'

/** One thing that can be chosen. */
export interface Choice {
  value: string
  title: Text
}

/** Lets the customer choose one of `options`, or of the terminal's queues. */
export const choose: Component = {
  exits: ['ok'],
  async run(ctx, params: Payload) {
    const options = params.of === 'queues' ? (ctx.info.queues ?? []).map((q) => ({ value: q.prefix, title: q.name })) : (params.options as Choice[])
    const value = await ctx.ask<string>('choose', { title: params.title, options })
    ctx.data.choice = options.find((o) => o.value === value)
    return 'ok'
  }
}

/** Takes a number of the chosen queue; it counts even if it could not be printed. */
export const takeTicket: Component = {
  exits: ['ok', 'notPrinted', 'failed'],
  async run(ctx) {
    ctx.show('busy', { text: 'printingTicket' })
    try {
      const r = await ctx.sjsl.platform.call<{ number: string; printed: boolean }>('X-Queue.Take', { queue: (ctx.data.choice as Choice).value })
      ctx.data.number = r.number
      return r.printed ? 'ok' : 'notPrinted'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      return 'failed'
    }
  }
}

/** Prints the form that was filled in; name and number of the identity card are the platform's to add. */
export const printForm: Component = {
  exits: ['ok', 'failed'],
  async run(ctx, params: Payload) {
    ctx.show('busy', { text: 'printingForm' })
    try {
      await ctx.sjsl.printer.call('Printer.PrintForm', { formName: String(params.form), fields: { business: (ctx.data.choice as Choice).title[ctx.lang], phone: ctx.data.phone } }, { timeout: 60000 })
      return 'ok'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      return 'failed'
    }
  }
}
