import type { Sequence } from '@counter/sjsbl'
import { captured, ending, identified } from './endings'

export default {
  name: 'balance',
  title: { zh: '余额查询', en: 'Balance' },
  service: 'balance',
  start: 'begin',
  indicator: ['card', 'pin', 'transact', 'balance', 'thanks'],
  steps: {
    ...identified('transact'),
    transact: {
      use: 'transact',
      with: { type: 'balance' },
      on: { approved: 'balance', wrongPin: 'pin', declined: 'declined', capture: 'capture', unknown: 'unknownQuery', notSent: 'notSent' }
    },
    balance: { use: 'present', with: { screen: 'balance' }, on: { print: 'print', done: 'thanks' } },
    print: { use: 'print', with: { form: 'balance', title: { zh: '余额查询', en: 'Balance' } }, on: { ok: 'thanks', failed: 'thanks' } },
    ...ending('thanks', 10),
    ...ending('declined'),
    ...ending('unknownQuery'),
    ...ending('notSent'),
    ...captured
  }
} satisfies Sequence
