import type { Sequence } from '@counter/sjsbl'
import { saying } from './endings'

export default {
  name: 'cardIssue',
  title: { zh: '开卡领卡', en: 'New card' },
  service: 'cardIssue',
  start: 'begin',
  indicator: ['identity', 'phone', 'agreement', 'manager', 'newPin', 'transact', 'handOver'],
  steps: {
    begin: { use: 'beginSession', on: { ok: 'identity', unavailable: 'unavailable' } },
    identity: { use: 'readIdentity', on: { ok: 'phone', unreadable: 'identityFailed', failed: 'identityFailed' } },
    phone: { use: 'enterPhone', on: { ok: 'agreement' } },
    agreement: {
      use: 'sign',
      with: {
        paper: 'card-agreement/1',
        title: { zh: '请阅读并签名', en: 'Please read and sign' },
        text: {
          zh: '借记卡领用协议（摘要）\n一、本人提供的身份信息真实有效，同意银行依法核验。\n二、卡片和密码仅限本人使用，不出租、出借、出售。\n三、银行通过所留手机号码通知账户变动，号码变更应及时告知。\n四、卡片遗失应立即挂失；挂失生效前的损失依约定承担。\n全文可在柜台查阅，签名即表示同意。',
          en: 'Debit card agreement (summary)\n1. My identity data are true; the bank may verify them as the law provides.\n2. Card and PIN are for me alone; they are not rented, lent or sold.\n3. The bank notifies me at the number given here; I tell the bank when it changes.\n4. I report a lost card at once; losses before the report are borne as agreed.\nThe full text is at the counter. By signing I agree.'
        }
      },
      on: { ok: 'manager', failed: 'cardsFailed' }
    },
    // A person of the bank compares face and identity card before a card is drawn.
    manager: {
      use: 'askManager',
      with: { kind: 'cardIssue', always: true },
      on: { notNeeded: 'draw', approved: 'draw', rejected: 'issueRejected', expired: 'issueExpired', failed: 'issueExpired' }
    },
    draw: { use: 'drawCard', on: { ok: 'newPin', failed: 'cardsFailed' } },
    newPin: { use: 'enterPin', with: { slot: 'new' }, on: { ok: 'confirmPin', mismatch: 'newPin', failed: 'cardsFailed' } },
    confirmPin: { use: 'enterPin', with: { slot: 'confirm' }, on: { ok: 'transact', mismatch: 'newPin', failed: 'cardsFailed' } },
    transact: {
      use: 'transact',
      with: { type: 'cardIssue' },
      on: { approved: 'handOver', wrongPin: 'issueDeclined', declined: 'issueDeclined', capture: 'issueDeclined', unknown: 'issueUnknown', notSent: 'issueNotSent' }
    },
    handOver: { use: 'handOverCard', on: { taken: 'cardIssued', kept: 'issueKept', unclear: 'issueUnclear' } },
    ...saying('unavailable'),
    ...saying('identityFailed'),
    ...saying('issueRejected', 30),
    ...saying('issueExpired', 30),
    ...saying('cardsFailed', 30),
    ...saying('issueDeclined', 30),
    ...saying('issueUnknown', 40),
    ...saying('issueNotSent'),
    ...saying('cardIssued'),
    ...saying('issueKept', 40),
    ...saying('issueUnclear', 40)
  }
} satisfies Sequence
