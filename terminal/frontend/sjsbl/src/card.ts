import { DeviceError, type Payload } from '@counter/sjsl'
import { isLinkLost, type Context } from './context'
import type { Component } from './sequence'

/** Opens the session; everything the platform keeps for the customer hangs on it. */
export const beginSession: Component = {
  exits: ['ok', 'unavailable'],
  async run(ctx) {
    try {
      const r = await ctx.sjsl.platform.call<{ session?: string }>('X-Session.Begin', { flow: ctx.flow, lang: ctx.lang })
      ctx.data.session = r.session
      return 'ok'
    } catch (e) {
      if (e instanceof DeviceError && (e.code === 'deviceNotReady' || e.code === 'sequenceError')) return 'unavailable'
      throw e
    }
  }
}

/** Asks for a card and reads it; its data stays in the platform. */
export const readCard: Component = {
  exits: ['ok', 'invalid', 'failed'],
  async run(ctx) {
    try {
      await ctx.wait('insertCard', { tap: ctx.info.tap === true }, (signal) =>
        ctx.sjsl.card.call('CardReader.ReadRawData', { track2: true }, {
          signal,
          onEvent: (name) => {
            if (name !== 'CardReader.MediaInsertedEvent' || signal.aborted) return
            ctx.extend()
            ctx.stage.params = { ...ctx.stage.params, reading: true }
          }
        })
      )
      const card = await ctx.sjsl.platform.call<{ pan?: string }>('X-Session.Card')
      ctx.data.pan = card.pan
      return 'ok'
    } catch (e) {
      if (!(e instanceof DeviceError)) throw e
      if (e.errorCode === 'invalidMedia') {
        // A chip may say why: blocked, expired.
        ctx.data.result = { text: (e.payload['X-refusal'] as { text?: unknown } | undefined)?.text }
        return 'invalid'
      }
      if (e.code === 'commandErrorCode' || e.code === 'hardwareError' || e.code === 'deviceNotReady') return 'failed'
      throw e
    }
  }
}

/** The platform keeps an untaken card by itself; this much later at the latest it must have said so. */
const KEEPING = 45

/** Shows the take-card screen until the card is gone; answers how it went. */
export async function waitCardGone(ctx: Context, seconds: number, params: Payload = {}): Promise<'taken' | 'retained' | 'failed'> {
  let stop = () => {}
  const gone = new Promise<'taken' | 'retained'>((resolve) => {
    stop = ctx.sjsl.card.on((name) => {
      if (name === 'CardReader.MediaRemovedEvent') resolve('taken')
      if (name === 'X-Card.RetainedEvent') resolve('retained')
    })
  })
  const after = <T>(ms: number, value: T) => new Promise<T>((r) => setTimeout(() => r(value), ms))
  const end = Date.now() + (seconds + KEEPING) * 1000
  try {
    return await ctx.wait(
      'takeCard',
      { ...params, seconds },
      async (signal) => {
        // The event may have been before we listened; ask, too.
        while (!signal.aborted) {
          const media = await Promise.race([gone, cardMedia(ctx)])
          if (media === 'taken' || media === 'retained') return media
          if (media === 'notPresent') return await Promise.race([gone, after(300, 'taken' as const)])
          if (media === 'jammed' || Date.now() > end) return 'failed'
          const next = await Promise.race([gone, after(1000, undefined)])
          if (next) return next
        }
        return 'failed'
      },
      { idle: 0, cancel: false, attention: true }
    )
  } finally {
    stop()
  }
}

/** Where the reader has a card: notPresent, present (inside), entering (at the exit), jammed, unknown. */
export async function cardMedia(ctx: Context): Promise<string> {
  try {
    const s = await ctx.sjsl.card.call<{ cardReader?: { media?: string } }>('Common.Status')
    return s.cardReader?.media ?? 'unknown'
  } catch (e) {
    if (isLinkLost(e)) throw e
    return 'unknown'
  }
}

/** Gives the card back and waits until it is taken; the platform retains it when it is not. */
export const returnCard: Component = {
  exits: ['taken', 'retained', 'failed'],
  async run(ctx, params: Payload) {
    ctx.show('busy', { text: 'returningCard' })
    let how: 'taken' | 'retained' | 'failed' = 'failed'
    try {
      await ctx.sjsl.card.call('CardReader.Move', { from: 'transport', to: 'exit' })
      how = await waitCardGone(ctx, ctx.info.timeouts.card, { cashFollows: params.cashFollows === true })
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
    }
    ctx.data.card = how
    return how
  }
}

/** Keeps the card because the host says so. */
export const retainCard: Component = {
  exits: ['ok', 'failed'],
  async run(ctx) {
    ctx.show('busy', { text: 'retainingCard' })
    try {
      await ctx.sjsl.card.call('CardReader.Move', { from: 'transport', to: 'unitRetain' })
      ctx.data.card = 'retained'
      return 'ok'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      ctx.data.card = 'failed'
      return 'failed'
    }
  }
}
