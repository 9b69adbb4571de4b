import type { Sequence } from '@counter/sjsbl'
import { captured, ending, identified } from './endings'

export default {
  name: 'statement',
  title: { zh: '明细查询', en: 'Statement' },
  service: 'statement',
  start: 'begin',
  indicator: ['card', 'pin', 'transact', 'statement', 'thanks'],
  steps: {
    ...identified('transact'),
    transact: {
      use: 'transact',
      with: { type: 'statement' },
      on: { approved: 'statement', wrongPin: 'pin', declined: 'declined', capture: 'capture', unknown: 'unknownQuery', notSent: 'notSent' }
    },
    statement: { use: 'present', with: { screen: 'statement' }, on: { print: 'print', done: 'thanks' } },
    print: { use: 'print', with: { form: 'statement', title: { zh: '明细查询', en: 'Statement' } }, on: { ok: 'thanks', failed: 'thanks' } },
    ...ending('thanks', 10),
    ...ending('declined'),
    ...ending('unknownQuery'),
    ...ending('notSent'),
    ...captured
  }
} satisfies Sequence
