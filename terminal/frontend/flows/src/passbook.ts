import type { Sequence, Step } from '@counter/sjsbl'
import { saying } from './endings'

/** An ending: the book goes back, then the customer reads how it ended. */
function returned(kind: string, seconds = 20): Record<string, Step> {
  const tell = `${kind}.tell`
  return {
    [kind]: { use: 'returnPassbook', on: { done: tell } },
    [tell]: { use: 'tell', with: { kind, seconds }, on: { done: 'end' } }
  }
}

export default {
  name: 'passbook',
  title: { zh: '补登存折', en: 'Passbook' },
  service: 'passbook',
  start: 'begin',
  indicator: ['insert', 'update', 'passbookUpdated'],
  steps: {
    begin: { use: 'beginSession', on: { ok: 'insert', unavailable: 'unavailable' } },
    insert: { use: 'insertPassbook', on: { ok: 'update', invalid: 'passbookInvalid', failed: 'passbookFailed' } },
    update: {
      use: 'updatePassbook',
      on: { updated: 'passbookUpdated', nothing: 'passbookNothing', declined: 'passbookDeclined', noAnswer: 'passbookNoAnswer', pageNotTurned: 'passbookNotTurned', unclear: 'passbookUnclear', failed: 'passbookFailed' }
    },
    ...saying('unavailable'),
    ...returned('passbookUpdated'),
    ...returned('passbookNothing'),
    ...returned('passbookInvalid'),
    ...returned('passbookDeclined', 30),
    ...returned('passbookNoAnswer', 30),
    ...returned('passbookNotTurned', 30),
    ...returned('passbookUnclear', 40),
    ...returned('passbookFailed', 40)
  }
} satisfies Sequence
