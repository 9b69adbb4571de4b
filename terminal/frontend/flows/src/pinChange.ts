import type { Sequence } from '@counter/sjsbl'
import { captured, ending, identified } from './endings'

export default {
  name: 'pinChange',
  title: { zh: '修改密码', en: 'Change PIN' },
  service: 'pinChange',
  start: 'begin',
  indicator: ['card', 'pin', 'newPin', 'confirmPin', 'transact', 'pinChanged'],
  steps: {
    ...identified('newPin'),
    newPin: { use: 'enterPin', with: { slot: 'new' }, on: { ok: 'confirmPin', mismatch: 'newPin', failed: 'pinFailed' } },
    confirmPin: { use: 'enterPin', with: { slot: 'confirm' }, on: { ok: 'transact', mismatch: 'newPin', failed: 'pinFailed' } },
    transact: {
      use: 'transact',
      with: { type: 'pinChange' },
      on: { approved: 'pinChanged', wrongPin: 'pinAgain', declined: 'declined', capture: 'capture', unknown: 'unknownPin', notSent: 'notSent' }
    },
    // Only the present PIN was wrong: the new one, typed twice alike, stands.
    pinAgain: { use: 'enterPin', with: { slot: 'current' }, on: { ok: 'transact', mismatch: 'pinAgain', failed: 'pinFailed' } },
    ...ending('pinChanged'),
    ...ending('declined'),
    ...ending('unknownPin', 40),
    ...ending('notSent'),
    ...captured
  }
} satisfies Sequence
