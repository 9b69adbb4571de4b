import type { Sequence } from '@counter/sjsbl'
import { saying } from './endings'

export default {
  name: 'ticket',
  title: { zh: '取号', en: 'Queue ticket' },
  service: 'ticket',
  start: 'begin',
  indicator: ['queue', 'ticketTaken'],
  steps: {
    begin: { use: 'beginSession', on: { ok: 'queue', unavailable: 'unavailable' } },
    queue: { use: 'choose', with: { of: 'queues', title: { zh: '请选择要办理的业务', en: 'What would you like to do?' } }, on: { ok: 'take' } },
    take: { use: 'takeTicket', on: { ok: 'ticketTaken', notPrinted: 'ticketUnprinted', failed: 'ticketFailed' } },
    ...saying('unavailable'),
    ...saying('ticketTaken', 10),
    ...saying('ticketUnprinted', 30),
    ...saying('ticketFailed')
  }
} satisfies Sequence
