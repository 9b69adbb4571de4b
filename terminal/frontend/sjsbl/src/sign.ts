import { DeviceError, type Payload, type Text } from '@counter/sjsl'
import { isLinkLost } from './context'
import { yuan } from './money'
import type { Component } from './sequence'
import { grouped, type Payee } from './transfer'

/** A point of a stroke: x and y in thousandths of the field's width, ms since the first point, pressure in thousandths. */
export type Point = [number, number, number, number]

/** Shows a document, with what is known of a transfer in it, and lets the customer sign it on the glass; the platform keeps what was signed. */
export const sign: Component = {
  exits: ['ok', 'failed'],
  async run(ctx, params: Payload) {
    const p = ctx.data.payee as Payee | undefined
    const words: Record<string, string> = { pan: String(ctx.data.pan ?? ''), account: grouped(p?.account ?? ''), name: p?.name ?? '', amount: yuan(Number(ctx.data.amount ?? 0)) }
    const text = (params.text as Text)[ctx.lang].replace(/\{(\w+)\}/g, (all, k: string) => words[k] ?? all)
    for (let refused = false; ; refused = true) {
      const strokes = await ctx.ask<Point[][]>('sign', { title: (params.title as Text)[ctx.lang], text, refused })
      ctx.show('busy', { text: 'checking' })
      try {
        await ctx.sjsl.platform.call('X-Signature.Take', { document: String(params.paper), text, strokes })
        return 'ok'
      } catch (e) {
        if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
        if (e.code !== 'invalidData') return 'failed' // it cannot be kept: nobody signs again and again
      }
    }
  }
}
