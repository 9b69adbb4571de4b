import { flows } from '@counter/flows'
import { someInfo } from '@counter/sjsbl/testing'
import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import { i18n } from './i18n'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'
import { outcomes } from './outcomes'
import ChooseAmount from './screens/ChooseAmount.vue'
import EnterPin from './screens/EnterPin.vue'
import Idle from './screens/Idle.vue'
import { screens } from './screens'
import Outcome from './screens/Outcome.vue'
import Warning from './screens/Warning.vue'

const show = (c: object, params: object = {}, rest: object = {}) => mount(c as never, { props: { params, info: someInfo(), lang: 'zh', ...rest } as never, global: { plugins: [i18n] } })
const act = (name: string) => `[data-act="${name}"]`

describe('the first screen', () => {
  // req: UX-18
  it('says what is not available and why, before a card is inserted', async () => {
    const info = someInfo()
    info.services.withdrawal = { available: false, reason: 'noCash' }
    info.services.receipt = { available: false, reason: 'printer' }
    info.services.balance = { available: false, reason: 'a reason of tomorrow' }
    const w = show(Idle, {}, { info })
    expect(w.get(act('withdrawal')).attributes('disabled')).toBeDefined()
    expect(w.get('[data-why="withdrawal"]').text()).toContain('现金已用完')
    expect(w.get('[data-why="balance"]').text()).toContain('暂不可用')
    expect(w.find('[data-why="receipt"]').exists()).toBe(true)
    expect(w.get(act('statement')).attributes('disabled')).toBeUndefined()
    await w.get(act('statement')).trigger('click')
    expect(w.emitted('answer')).toEqual([['statement']])
  })
})

describe('a number that is typed', () => {
  it.each([
    ['enterPhone', 'phone-confirm', '13800000000', '138 0000 0000', true, 'phone'],
    ['enterPayee', 'payee-confirm', '62258800', '6225 8800', 'unknown', 'unknown'],
  ])('%s: is taken when it is whole, and shows what was wrong until another is typed', async (name, confirm, number, shown, refused, told) => {
    const w = show(screens[name]!, { typed: number, refused })
    expect(w.get('[data-refused]').attributes('data-refused')).toBe(told)
    expect(w.get('[data-part="typed"]').text()).toContain(shown)
    await w.get(act('key-back')).trigger('click')
    expect(w.find('[data-refused]').exists()).toBe(false)
    expect(w.get(act(confirm)).attributes('disabled')).toBeDefined()
    await w.get(act(`key-${number.at(-1)}`)).trigger('click')
    await w.get(act(confirm)).trigger('click')
    expect(w.emitted('answer')).toEqual([[number]])
  })
})

describe('the amount of a transfer', () => {
  it.each([
    ['300', '300', 30000], ['300.05', '300.05', 30005], ['0.01', '0.01', 1], ['1234567.8', '1,234,567.8', 123456780], ['19.99', '19.99', 1999], ['4.35', '4.35', 435], ['99999999.99', '99,999,999.99', 9999999999],
    ['05', '5', 500], ['.5', '0.5', 50], ['1.239', '1.23', 123], ['1.2.3', '1.23', 123], ['123456789', '12,345,678', 1234567800], ['7.', '7.', 700]
  ])('typed as %s shows %s and is %i fen, which come back as they were', async (keys, shown, fen) => {
    const w = show(screens.transferAmount!, {})
    for (const k of keys) await w.get(act(`key-${k === '.' ? 'dot' : k}`)).trigger('click')
    expect(w.get('[data-part="typed"]').text()).toBe(`¥${shown}`)
    await w.get(act('amount-confirm')).trigger('click')
    expect(w.emitted('answer')).toEqual([[fen]])
    const again = show(screens.transferAmount!, { typed: fen })
    await again.get(act('amount-confirm')).trigger('click')
    expect(again.emitted('answer')).toEqual([[fen]])
  })
  it.each(['', '0', '0.0', '.'])('typed as "%s" is none', async (keys) => {
    const w = show(screens.transferAmount!, {})
    for (const k of keys) await w.get(act(`key-${k === '.' ? 'dot' : k}`)).trigger('click')
    expect(w.get(act('amount-confirm')).attributes('disabled')).toBeDefined()
  })
})

describe('notes put in', () => {
  it('that can not come back any more are not said to', () => {
    const w = show(screens.insertNotes!, { credited: 10000, escrow: 0, notes: 1 })
    expect(w.get('[data-part="back"]').text()).not.toMatch(/取回/)
    expect(w.get(act('notes-back')).attributes('disabled')).toBeDefined()
    expect(show(screens.insertNotes!, { credited: 10000, escrow: 5000, notes: 2 }).get(act('notes-back')).attributes('disabled')).toBeUndefined()
    expect(show(screens.insertNotes!, { credited: 0, escrow: 0, notes: 0 }).get(act('notes-back')).attributes('disabled')).toBeUndefined()
  })
})

describe('a terminal without a card reader', () => {
  // req: T-01
  it('asks for no card', () => {
    const info = someInfo()
    info.services = { ticket: { available: true } }
    const w = show(Idle, {}, { info })
    expect(w.findAll('.tile').map((b) => b.attributes('data-act'))).toEqual(['ticket'])
    expect(w.text()).not.toMatch(/银行卡|密码|凭条/)
  })
  it('shows its notices in turn when it has nothing else', () => {
    const info = someInfo()
    Object.assign(info, { services: { notices: { available: true } }, notices: [{ zh: '甲', en: 'A' }, { zh: '乙', en: 'B' }] })
    const w = show(Idle, {}, { info })
    expect(w.get('[data-part="notice"]').text()).toBe('甲')
    expect(w.find('.tiles').exists()).toBe(false)
    w.unmount()
  })
})

describe('the amount', () => {
  const limits = { multiple: 10000, perTxn: 2000000, padOver: 500000 }
  it('offers only what may be asked for', () => {
    const w = show(ChooseAmount, { ...limits, perTxn: 50000 })
    expect(w.findAll('[data-act^="amount-"]').map((b) => b.attributes('data-act'))).toEqual(['amount-100', 'amount-200', 'amount-300', 'amount-500', 'amount-other'])
  })
  it('refuses a wrong multiple and too much, keeps what was typed, and passes on what is right', async () => {
    const w = show(ChooseAmount, limits)
    await w.get(act('amount-other')).trigger('click')
    const type = async (...keys: string[]) => {
      await w.get(act('key-clear')).trigger('click')
      for (const k of keys) await w.get(act(`key-${k}`)).trigger('click')
      await w.get(act('amount-confirm')).trigger('click')
    }
    await type('2', '5', '0')
    expect(w.get('[data-refused]').attributes('data-refused')).toBe('multiple')
    expect(w.get('[data-part="typed"]').text()).toContain('250')
    await type('2', '0', '1', '00')
    expect(w.get('[data-refused]').attributes('data-refused')).toBe('limit')
    expect(w.emitted('answer')).toBeUndefined()
    await type('0', '6', '00')
    expect(w.emitted('answer')).toEqual([[60000]])
  })
  // req: UX-16
  it('says why the machine cannot pay it, with the amount still there', async () => {
    const w = show(ChooseAmount, limits)
    await w.setProps({ params: { ...limits, refused: 'notDispensable', typed: 90000 } } as never)
    expect(w.get('[data-refused]').text()).toContain('换一个金额')
    expect(w.get('[data-part="typed"]').text()).toContain('900')
  })
})

describe('the PIN', () => {
  // req: UX-05
  it('is stars only', async () => {
    const w = show(EnterPin, { slot: 'current', stars: 4 })
    expect(w.get('.stars').text()).toBe('＊＊＊＊')
    expect(w.find('input').exists()).toBe(false)
  })
})

describe('the warning', () => {
  // req: UX-01
  it('is extended by one touch, on its button or anywhere', async () => {
    const w = mount(Warning, { props: { seconds: 20 }, global: { plugins: [i18n] } })
    await w.get(act('more')).trigger('click')
    expect(w.emitted('more')).toHaveLength(1)
    await w.get('[role="alertdialog"]').trigger('click')
    expect(w.emitted('more')).toHaveLength(2)
    expect(w.text()).toContain('20')
  })
})

describe('the last screen', () => {
  // req: UX-17
  it('says plainly that the outcome is not known, what becomes of the money, and the reference', () => {
    const w = show(Outcome, { kind: 'unknown', reference: 'R-7', card: 'taken' })
    expect(w.attributes('data-outcome')).toBe('unknown')
    expect(w.text()).toContain('暂时不能确定')
    expect(w.get('[data-part="money"]').text()).toContain('自动')
    expect(w.get('[data-part="reference"]').text()).toBe('R-7')
  })
  it('passes on the bank’s and the manager’s words, and what became of the card', async () => {
    const w = show(Outcome, { kind: 'declined', text: { zh: '余额不足', en: 'Insufficient funds' }, card: 'retained' })
    expect(w.get('[data-part="bank"]').text()).toBe('余额不足')
    expect(w.get('[data-card="retained"]').text()).toContain('柜台')
    const m = show(Outcome, { kind: 'managerRejected', reason: { zh: '请核对证件', en: 'ID' }, card: 'taken' })
    expect(m.get('[data-part="reason"]').text()).toBe('请核对证件')
    // req: UX-04
    expect(show(Outcome, { kind: 'cardKept', reference: 'R-8' }).text()).toMatch(/柜台.*R-8/s)
  })
  it('tells what came out and what is still owed', () => {
    const w = show(Outcome, { kind: 'cashPartial', paid: 20000, amount: 30000 })
    expect(w.text()).toMatch(/应出 300 元，实际出钞 200 元/)
    expect(w.text()).toContain('差额 100 元')
  })
})

describe('words', () => {
  const keys = (o: object, at = ''): string[] => Object.entries(o).flatMap(([k, v]) => (typeof v === 'object' ? keys(v, `${at}${k}.`) : [at + k]))
  const holes = (o: object): string[] => keys(o).map((k) => `${k}: ${[...String(k.split('.').reduce((x: any, p) => x[p], o)).matchAll(/\{\w+\}/g)].map((m) => m[0]).sort()}`)

  it('are the same in both languages, with the same values in them', () => {
    expect(keys(en).sort()).toEqual(keys(zh).sort())
    expect(holes(en).filter((h) => !h.startsWith('outcome')).sort()).toEqual(holes(zh).filter((h) => !h.startsWith('outcome')).sort())
  })
  // req: UX-16
  it('say of every ending what happened, whether money moved, and what to do next', () => {
    const kinds = flows.flatMap((f) => Object.values(f.steps).filter((s) => s.use === 'tell').map((s) => String((s as { with?: { kind?: string } }).with?.kind)))
    for (const kind of new Set([...kinds, 'canceled', 'timedOut', 'interrupted', 'fault'])) {
      expect(Object.keys(outcomes), kind).toContain(kind)
      for (const locale of [zh, en]) {
        const words = (locale.outcome as unknown as Record<string, Record<string, string>>)[kind]
        expect(Object.keys(words ?? {}), kind).toEqual(['title', 'what', 'money', 'next'])
      }
    }
  })
  it('exist for the titles of every step of waiting', () => {
    expect(Object.keys(zh.busy.long).sort()).toEqual(Object.keys(zh.busy).filter((k) => k !== 'wait' && k !== 'long').sort())
  })
})

it('every screen shows itself in both languages without parameters', async () => {
  for (const lang of ['zh', 'en'] as const) {
    i18n.global.locale.value = lang
    for (const [name, c] of Object.entries(screens)) {
      const w = show(c, {}, { lang })
      await nextTick()
      expect(w.text().trim(), name).not.toBe('')
      w.unmount()
    }
  }
  i18n.global.locale.value = 'zh'
})
