import type { Step } from '@counter/sjsbl'

/**
 * An ending: the card goes back, then the customer reads how it ended. Whether the card was
 * taken, kept or is stuck, the same screen follows; it says so beside the rest.
 */
export function ending(kind: string, seconds = 20): Record<string, Step> {
  const tell = `${kind}.tell`
  return {
    [kind]: { use: 'returnCard', on: { taken: tell, retained: tell, failed: tell } },
    [tell]: { use: 'tell', with: { kind, seconds }, on: { done: 'end' } }
  }
}

/** An ending without a card inside. */
export function saying(kind: string, seconds = 20): Record<string, Step> {
  return { [kind]: { use: 'tell', with: { kind, seconds }, on: { done: 'end' } } }
}

/** The beginning of every business with a card and a PIN, up to the step `next`, and its bad ends. */
export function identified(next: string, slot: Record<string, unknown> = { slot: 'current' }): Record<string, Step> {
  return {
    begin: { use: 'beginSession', on: { ok: 'card', unavailable: 'unavailable' } },
    card: { use: 'readCard', on: { ok: 'pin', invalid: 'cardInvalid', failed: 'cardFailed' } },
    pin: { use: 'enterPin', with: slot, on: { ok: next, mismatch: 'pin', failed: 'pinFailed' } },
    ...saying('unavailable'),
    ...ending('cardInvalid'),
    ...saying('cardFailed'),
    ...ending('pinFailed')
  }
}

/** The host wants the card kept: it is, and the customer learns where to fetch it. */
export const captured: Record<string, Step> = {
  capture: { use: 'retainCard', on: { ok: 'cardKept', failed: 'cardKept' } },
  ...saying('cardKept', 40)
}
