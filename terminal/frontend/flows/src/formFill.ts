import type { Sequence } from '@counter/sjsbl'
import { saying } from './endings'

export default {
  name: 'formFill',
  title: { zh: '预填单', en: 'Fill in a form' },
  service: 'formFill',
  start: 'begin',
  indicator: ['business', 'identity', 'phone', 'print'],
  steps: {
    begin: { use: 'beginSession', on: { ok: 'business', unavailable: 'unavailable' } },
    business: {
      use: 'choose',
      with: {
        title: { zh: '请选择要填写的申请', en: 'Which form would you like to fill in?' },
        options: [
          { value: 'account', title: { zh: '开立账户', en: 'Open an account' } },
          { value: 'phone', title: { zh: '变更手机号码', en: 'Change of mobile number' } },
          { value: 'card', title: { zh: '换卡、补卡', en: 'Replace a card' } },
          { value: 'loss', title: { zh: '书面挂失', en: 'Report a loss in writing' } }
        ]
      },
      on: { ok: 'identity' }
    },
    identity: { use: 'readIdentity', on: { ok: 'phone', unreadable: 'identityFailed', failed: 'identityFailed' } },
    phone: { use: 'enterPhone', on: { ok: 'print' } },
    print: { use: 'printForm', with: { form: 'application' }, on: { ok: 'formPrinted', failed: 'formFailed' } },
    ...saying('unavailable'),
    ...saying('identityFailed'),
    ...saying('formPrinted'),
    ...saying('formFailed')
  }
} satisfies Sequence
