import type { Sequence } from '@counter/sjsbl'
import { captured, ending, identified, saying } from './endings'

export default {
  name: 'withdrawal',
  title: { zh: '取款', en: 'Withdrawal' },
  service: 'withdrawal',
  start: 'begin',
  indicator: ['card', 'pin', 'amount', 'transact', 'returnCard', 'cash'],
  steps: {
    ...identified('amount'),
    amount: { use: 'chooseAmount', on: { ok: 'manager' } },
    manager: {
      use: 'askManager',
      with: { kind: 'withdrawal' },
      on: { notNeeded: 'transact', approved: 'transact', rejected: 'managerRejected', expired: 'managerExpired', failed: 'managerFailed' }
    },
    transact: {
      use: 'transact',
      with: { type: 'withdrawal' },
      on: { approved: 'returnCard', wrongPin: 'pinAgain', declined: 'declined', capture: 'capture', unknown: 'unknown', notSent: 'notSent' }
    },
    // A wrong PIN is typed anew; amount and approval stand.
    pinAgain: { use: 'enterPin', with: { slot: 'current' }, on: { ok: 'transact', mismatch: 'pinAgain', failed: 'pinFailed' } },
    // Card first, then cash: problems() refuses any other order.
    returnCard: { use: 'returnCard', with: { cashFollows: true }, on: { taken: 'dispense', retained: 'notPaid', failed: 'notPaid' } },
    dispense: { use: 'dispense', on: { presented: 'cash', partial: 'someCash', failed: 'cashFailed', unclear: 'cashUnclear' } },
    cash: { use: 'takeCash', on: { taken: 'askReceipt', retracted: 'cashRetracted', left: 'cashLeft', unclear: 'cashUnclear' } },
    askReceipt: { use: 'askReceipt', on: { yes: 'print', no: 'withdrawn' } },
    print: { use: 'print', with: { form: 'withdrawal', title: { zh: '取款', en: 'Withdrawal' } }, on: { ok: 'withdrawn', failed: 'withdrawn' } },
    ...saying('withdrawn'),
    // Fewer notes than asked for were presented: they are taken, the difference is credited.
    someCash: { use: 'takeCash', on: { taken: 'printPartial', retracted: 'cashRetracted', left: 'cashLeft', unclear: 'cashUnclear' } },
    printPartial: { use: 'print', with: { form: 'withdrawal', title: { zh: '取款（部分出钞）', en: 'Withdrawal (part)' } }, on: { ok: 'cashPartial', failed: 'cashPartial' } },
    ...saying('cashPartial', 40),
    // The outcome is not known: the card goes back and the reference is put on paper, too.
    unknown: { use: 'returnCard', on: { taken: 'printUnknown', retained: 'printUnknown', failed: 'printUnknown' } },
    printUnknown: { use: 'print', with: { form: 'incident', title: { zh: '取款（结果待确认）', en: 'Withdrawal (to be confirmed)' } }, on: { ok: 'unknown.tell', failed: 'unknown.tell' } },
    'unknown.tell': { use: 'tell', with: { kind: 'unknown', seconds: 40 }, on: { done: 'end' } },
    ...saying('notPaid', 40),
    ...saying('cashFailed', 40),
    ...saying('cashUnclear', 40),
    ...saying('cashRetracted', 40),
    ...saying('cashLeft', 40),
    ...ending('declined'),
    ...ending('notSent'),
    ...ending('managerRejected', 30),
    ...ending('managerExpired'),
    ...ending('managerFailed'),
    ...captured
  }
} satisfies Sequence
