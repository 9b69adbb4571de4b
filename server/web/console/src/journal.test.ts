import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { i18n, t, word } from './i18n'
import { lineOf, noteText } from './journal'
import MessagePane from './parts/MessagePane.vue'

const w = { t, word, lang: 'zh-CN' as const }
const rec = (kind: string, data?: unknown): unknown => ({ seq: 1, time: '2026-11-22T01:17:06.4Z', kind, data })

describe('a journal record in plain words', () => {
  it.each([
    [rec('HOST_INTENT', { type: 'withdrawal', amount: 50000 }), '记下请求后发往服务端：取款 500.00 元'],
    [rec('HOST_INTENT', { type: 'balance' }), '记下请求后发往服务端：余额查询'],
    [rec('HOST_RESULT', { host: 'declined', code: '51' }), '收到应答：拒绝 · 51 余额不足'],
    [rec('INTENT', { plan: { unit1: 5 }, amount: 50000 }), '准备出钞 500.00 元（unit1 5 张）'],
    [rec('GUARD_REFUSED', { rule: 'nothing-left' }), '出钞保护拒绝了命令：出口或机内还有钞票'], [rec('ALARM', { kind: 'guardRefused', text: 'guard: nothing-left: notes lie' }), '告警：出钞保护拒绝 · 出口或机内还有钞票'],
    [rec('NOTES', { taken: { 'X-types': { type100CNY1: { credited: 2, escrow: 1, 'X-value': 10000 }, type50CNY1: { credited: 1, 'X-value': 5000 } } } }), '收钞：已入箱 250.00 元，暂存 100.00 元'],
    [{ seq: 1, kind: 'COMMIT', device: 'acceptor', data: { paid: 30000 } }, '确认收到 300.00 元，通知服务端入账'],
    [rec('TAKEN'), '客户取走钞票'], [rec('SOMETHING_NEW'), 'SOMETHING_NEW'], [null, '?'], [{ kind: 5, data: 'x' }, '5']
  ])('%j', (body, text) => { expect(lineOf(body, w).text).toBe(text) })
  it('says why', () => { expect(lineOf(rec('SUSPENSE', { reason: 'outcome unclear' }), w)).toMatchObject({ tone: 'bad', why: 'outcome unclear' }) })
})

it('the server\'s notes are in the reader\'s language', () => {
  expect([noteText('host answered 51', w), noteText('paid in part', w), noteText('reversed by the terminal, reason 96', w), noteText('二人核对', w)]).toEqual(['主机应答 51 余额不足', '部分支付，冲正余额', '终端要求冲正：终端没有付款', '二人核对'])
})

// req: SE-17
it('a message with markup in a field is text, not markup', () => {
  const evil = '<img src=x onerror=alert(1)>"\'&<script>alert(1)</script>'
  const v = mount(MessagePane, { props: { title: 'x', text: `pos64 0200\n041 terminal       ${evil}\n` }, global: { plugins: [i18n] } })
  expect(v.find('img').exists() || v.find('script').exists()).toBe(false)
  expect(v.find('.v').text()).toBe(evil)
})
