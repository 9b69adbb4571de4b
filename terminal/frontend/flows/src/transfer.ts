import type { Sequence } from '@counter/sjsbl'
import { captured, ending, identified } from './endings'

export default {
  name: 'transfer',
  title: { zh: '转账', en: 'Transfer' },
  service: 'transfer',
  start: 'begin',
  indicator: ['card', 'pin', 'payee', 'amount', 'confirm', 'transact', 'transferred'],
  steps: {
    ...identified('payee'),
    payee: { use: 'enterPayee', on: { ok: 'amount', declined: 'declined', capture: 'capture', failed: 'payeeFailed' } },
    amount: { use: 'transferAmount', on: { ok: 'confirm' } },
    confirm: { use: 'confirmTransfer', on: { ok: 'case', change: 'payee' } },
    // A large amount passes several people first; the server says which amount is large.
    case: { use: 'openCase', on: { notNeeded: 'transact', open: 'people', impossible: 'caseImpossible', failed: 'caseFailed' } },
    people: { use: 'caseSteps', on: { identity: 'identity', signature: 'accept', ready: 'pinAfter', refused: 'caseRefused', withdrawn: 'caseWithdrawn', moved: 'caseMoved', used: 'caseUsed', expired: 'caseExpired', failed: 'caseFailed' } },
    identity: { use: 'readIdentity', on: { ok: 'tellStep', unreadable: 'caseImpossible', failed: 'caseImpossible' } },
    accept: {
      use: 'sign',
      with: {
        paper: 'transfer/1',
        title: { zh: '请核对并签名', en: 'Please check and sign' },
        text: {
          zh: '转账确认书\n付款卡：{pan}\n收款账号：{account}\n收款人：{name}\n金额：人民币 {amount} 元\n以上内容由本人核对无误，同意转出。转出后款项将进入收款人账户，银行不能单方面退回。',
          en: 'Transfer order\nFrom card: {pan}\nTo account: {account}\nPayee: {name}\nAmount: CNY {amount}\nI have checked this and order the transfer. Once made, the money is the payee\'s and the bank cannot take it back by itself.'
        }
      },
      on: { ok: 'tellStep', failed: 'caseFailed' }
    },
    tellStep: { use: 'caseStep', on: { ok: 'people', failed: 'caseFailed' } },
    // People took their time: the PIN is the customer's word that it is still wanted.
    pinAfter: { use: 'enterPin', with: { slot: 'current' }, on: { ok: 'transact', mismatch: 'pinAfter', failed: 'pinFailed' } },
    transact: {
      use: 'transact',
      with: { type: 'transfer' },
      on: { approved: 'askReceipt', wrongPin: 'pinAgain', declined: 'declined', capture: 'capture', unknown: 'transferUnknown', notSent: 'notSent' }
    },
    pinAgain: { use: 'enterPin', with: { slot: 'current' }, on: { ok: 'transact', mismatch: 'pinAgain', failed: 'pinFailed' } },
    askReceipt: { use: 'askReceipt', on: { yes: 'print', no: 'transferred' } },
    print: { use: 'print', with: { form: 'transfer', title: { zh: '转账', en: 'Transfer' } }, on: { ok: 'transferred', failed: 'transferred' } },
    ...ending('transferred'),
    // The outcome is not known: the reference is put on paper, too.
    transferUnknown: { use: 'returnCard', on: { taken: 'printUnknown', retained: 'printUnknown', failed: 'printUnknown' } },
    printUnknown: { use: 'print', with: { form: 'transfer', title: { zh: '转账（结果待确认）', en: 'Transfer (to be confirmed)' } }, on: { ok: 'transferUnknown.tell', failed: 'transferUnknown.tell' } },
    'transferUnknown.tell': { use: 'tell', with: { kind: 'transferUnknown', seconds: 40 }, on: { done: 'end' } },
    ...ending('payeeFailed'),
    ...ending('caseRefused', 30),
    ...ending('caseWithdrawn', 30),
    ...ending('caseMoved', 30),
    ...ending('caseUsed', 40),
    ...ending('caseExpired', 30),
    ...ending('caseImpossible', 30),
    ...ending('caseFailed', 30),
    ...ending('declined'),
    ...ending('notSent'),
    ...captured
  }
} satisfies Sequence
