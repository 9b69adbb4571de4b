import type { Sequence } from '@counter/sjsbl'
import { captured, ending, identified } from './endings'

const slip = (zh: string, en: string) => ({ form: 'deposit', title: { zh, en } })

export default {
  name: 'deposit',
  title: { zh: '存款', en: 'Deposit' },
  service: 'deposit',
  start: 'begin',
  indicator: ['card', 'pin', 'open', 'notes', 'close', 'deposited'],
  steps: {
    ...identified('open'),
    // The bank is asked before a note is taken; it names no amount.
    open: {
      use: 'transact',
      with: { type: 'deposit' },
      on: { approved: 'notes', wrongPin: 'pin', declined: 'declined', capture: 'capture', unknown: 'depositNotOpened', notSent: 'notSent' }
    },
    notes: { use: 'takeNotes', on: { enough: 'close', takeBack: 'takeBack', failed: 'acceptorFailed' } },
    close: {
      use: 'closeNotes',
      on: { credited: 'askReceipt', pending: 'printPending', refused: 'printRefused', unclear: 'printUnclear', nothing: 'depositNothing' }
    },
    // What is stacked cannot come back: it is credited.
    takeBack: {
      use: 'closeNotes',
      with: { takeBack: true },
      on: { credited: 'askReceipt', pending: 'printPending', refused: 'printRefused', unclear: 'printUnclear', nothing: 'depositNothing' }
    },
    askReceipt: { use: 'askReceipt', on: { yes: 'print', no: 'deposited' } },
    print: { use: 'print', with: slip('存款', 'Deposit'), on: { ok: 'deposited', failed: 'deposited' } },
    // The notes are in and the customer goes without the bank's word: a slip in any case.
    printPending: { use: 'print', with: slip('存款（待入账）', 'Deposit (to be credited)'), on: { ok: 'depositPending', failed: 'depositPending' } },
    printRefused: { use: 'print', with: slip('存款（待处理）', 'Deposit (to be settled)'), on: { ok: 'depositRefused', failed: 'depositRefused' } },
    printUnclear: { use: 'print', with: slip('存款（待清点）', 'Deposit (to be counted)'), on: { ok: 'depositUnclear', failed: 'depositUnclear' } },
    ...ending('deposited'),
    ...ending('depositPending', 40),
    ...ending('depositRefused', 40),
    ...ending('depositUnclear', 40),
    ...ending('depositNothing'),
    ...ending('depositNotOpened'),
    ...ending('acceptorFailed'),
    ...ending('declined'),
    ...ending('notSent'),
    ...captured
  }
} satisfies Sequence
