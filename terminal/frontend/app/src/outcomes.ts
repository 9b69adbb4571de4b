/** How each ending looks; its words are in the locales under outcome.<kind>. */
export type Tone = 'good' | 'info' | 'wait' | 'bad'

export const outcomes: Record<string, Tone> = {
  withdrawn: 'good',
  pinChanged: 'good',
  thanks: 'good',
  canceled: 'info',
  timedOut: 'info',
  managerRejected: 'info',
  managerExpired: 'info',
  managerFailed: 'info',
  unavailable: 'info',
  unknown: 'wait',
  unknownQuery: 'wait',
  unknownPin: 'wait',
  interrupted: 'wait',
  cashPartial: 'wait',
  cashUnclear: 'wait',
  cashRetracted: 'wait',
  notPaid: 'wait',
  declined: 'bad',
  notSent: 'bad',
  cardKept: 'bad',
  cardInvalid: 'bad',
  cardFailed: 'bad',
  pinFailed: 'bad',
  cashFailed: 'bad',
  fault: 'bad'
}
