import type { Sequence } from '@counter/sjsbl'
import { saying } from './endings'

export default {
  name: 'cardIssue',
  title: { zh: '开卡领卡', en: 'New card' },
  service: 'cardIssue',
  start: 'begin',
  indicator: ['identity', 'phone', 'manager', 'newPin', 'transact', 'handOver'],
  steps: {
    begin: { use: 'beginSession', on: { ok: 'identity', unavailable: 'unavailable' } },
    identity: { use: 'readIdentity', on: { ok: 'phone', unreadable: 'identityFailed', failed: 'identityFailed' } },
    phone: { use: 'enterPhone', on: { ok: 'manager' } },
    // A person of the bank compares face and document before a card is drawn.
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
