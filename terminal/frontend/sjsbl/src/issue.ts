import { DeviceError } from '@counter/sjsl'
import { Canceled, isLinkLost } from './context'
import type { Component } from './sequence'

/** Reads the customer's identity card; the page learns no more than the customer needs to recognise it. */
export const readIdentity: Component = {
  exits: ['ok', 'unreadable', 'failed'],
  async run(ctx) {
    try {
      ctx.data.person = await ctx.wait('placeIdCard', {}, (signal) =>
        ctx.sjsl.platform.call('X-Identity.Read', {}, {
          signal,
          timeout: 0,
          onEvent: (name) => {
            if (name !== 'X-IdCard.CardDetectedEvent' || signal.aborted) return
            ctx.extend()
            ctx.stage.params = { ...ctx.stage.params, reading: true }
          }
        })
      )
      return 'ok'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      if (e.code === 'canceled') throw new Canceled('canceled')
      return e.errorCode === 'X-cardUnreadable' || e.errorCode === 'X-cardUnsupported' || e.errorCode === 'X-cardNotGenuine' ? 'unreadable' : 'failed'
    }
  }
}

/** Asks for the mobile number; what was typed stays on the screen when it is refused. */
export const enterPhone: Component = {
  exits: ['ok'],
  async run(ctx) {
    for (let refused = false, typed = ''; ; refused = true) {
      typed = await ctx.ask<string>('enterPhone', { refused, typed, person: ctx.data.person })
      if (!/^1\d{10}$/.test(typed)) continue
      ctx.data.phone = typed
      return 'ok'
    }
  }
}

/** Brings a blank card to the reading position, so that its PIN can be set. */
export const drawCard: Component = {
  exits: ['ok', 'failed'],
  async run(ctx) {
    ctx.show('busy', { text: 'drawingCard' })
    try {
      await ctx.sjsl.platform.call('X-Card.Draw', {}, { timeout: 0 })
      return 'ok'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      return 'failed'
    }
  }
}

/** Hands the new card over; the platform keeps one that nobody takes. */
export const handOverCard: Component = {
  exits: ['taken', 'kept', 'unclear'],
  async run(ctx) {
    ctx.show('busy', { text: 'presentingCard' })
    const seconds = ctx.info.timeouts.card
    try {
      await ctx.sjsl.platform.call('X-Card.HandOver', {}, {
        timeout: 0,
        onEvent: (name) => {
          if (name !== 'X-Card.PresentedEvent') return
          ctx.show('takeCard', { issued: true, seconds })
          ctx.stage.attention = true
        }
      })
      return 'taken'
    } catch (e) {
      if (!(e instanceof DeviceError) || isLinkLost(e)) throw e
      return e.errorCode === 'X-cardKept' ? 'kept' : 'unclear'
    } finally {
      ctx.stage.attention = false
    }
  }
}
