import { DeviceError, type Payload } from '@counter/sjsl'
import { Canceled, isLinkLost, TimedOut } from './context'
import type { Component } from './sequence'

/**
 * Lets the customer type a PIN on the PIN pad. The screen sees one star a key; the digits and the
 * block never reach the page. `slot` says what the PIN is for: current, new or confirm.
 */
export const enterPin: Component = {
  exits: ['ok', 'mismatch', 'failed'],
  async run(ctx, params: Payload) {
    const slot = String(params.slot ?? 'current')
    const wrong = ctx.data.wrongPin === true && slot === 'current'
    try {
      for (let short = false; ; short = true) {
        const r = await ctx.wait<{ digits?: number; completion?: string }>('enterPin', { slot, stars: 0, wrong, short, differ: ctx.data.pinDiffer === true && slot === 'new' }, (signal) =>
          ctx.sjsl.pinpad.call('Keyboard.PinEntry', { minLen: 6, maxLen: 6, autoEnd: false }, {
            signal,
            onEvent: (name, ev) => {
              if (name !== 'Keyboard.KeyEvent' || signal.aborted) return
              ctx.extend()
              const stars = Number(ctx.stage.params.stars ?? 0)
              const next = ev.completion === 'clear' ? 0 : ev.completion === 'backspace' ? Math.max(0, stars - 1) : ev.completion && ev.completion !== 'continue' ? stars : Math.min(6, stars + 1)
              ctx.stage.params = { ...ctx.stage.params, stars: next }
            }
          })
        )
        if (r.completion === 'cancel') throw new Canceled('canceled on the PIN pad')
        if ((r.digits ?? 0) >= 6) break
      }
      const block = await ctx.sjsl.pinpad.call<{ 'X-match'?: boolean }>('PinPad.GetPinBlock', { 'X-slot': slot })
      ctx.data.pinDiffer = slot === 'confirm' && block['X-match'] === false
      return ctx.data.pinDiffer ? 'mismatch' : 'ok'
    } catch (e) {
      if (!(e instanceof DeviceError)) throw e
      if (e.code === 'canceled') throw new Canceled('canceled')
      if (e.code === 'timeOut' || e.errorCode === 'entryTimeout') throw new TimedOut('no key was pressed')
      if (isLinkLost(e)) throw e
      return 'failed'
    }
  }
}
