import { describe, expect, it } from 'vitest'
import { ago, bytes, clock, csvLine, fenOf, span, time, yuan } from './format'
import { codeText, reasons, responseCode } from './codes'

describe('money', () => {
  it.each([[0, '0.00'], [5, '0.05'], [-5, '-0.05'], [100, '1.00'], [123_456_789, '1,234,567.89'], [99_999_999_999_999, '999,999,999,999.99']])('%i fen is %s', (fen, text) => { expect(yuan(fen)).toBe(text) })
  it.each([['1', 100], ['1,234.5', 123_450], ['¥0.05', 5], ['8.29', 829], ['1.005', undefined], ['-1', undefined], ['1e3', undefined], ['', undefined]])('typed %s is %s fen', (text, fen) => { expect(fenOf(text)).toBe(fen) })
  it('comes back as it went', () => { for (const fen of [1, 29, 829, 100_001, 123_456_789]) expect(fenOf(yuan(fen))).toBe(fen) })
})

describe('time', () => {
  it('tells ages in one unit', () => {
    expect([ago(12, 'zh-CN'), ago(180, 'zh-CN'), ago(7200, 'en'), ago(-1, 'zh-CN'), span(259_200, 'en')]).toEqual(['12 秒前', '3 分钟前', '2 h ago', '从未上报', '3 d'])
  })
  it('counts down without going below zero', () => { expect([clock(95), clock(59.2), clock(0), clock(-3)]).toEqual(['1:35', '1:00', '0:00', '0:00']) })
  it('shows nothing for the zero time of the server', () => { expect(time('0001-01-01T00:00:00Z')).toBe('') })
})

it('sizes', () => { expect([bytes(12), bytes(1536), bytes(5_242_880)]).toEqual(['12 B', '1.5 KB', '5.0 MB']) })

// req: SE-17
it('a CSV cell cannot become a formula or another cell', () => {
  expect(csvLine(['=HYPERLINK("http://x")', 'a,b', 'say "x"', 5, 'plain'])).toBe('"\'=HYPERLINK(""http://x"")","a,b","say ""x""",5,plain')
})

it('a spreadsheet does not spoil long or zero-led digits', () => {
  expect(csvLine(['912149697517322240', '000010', '000001/000006', '100.00', 'T0000001'])).toBe('\t912149697517322240,\t000010,\t000001/000006,100.00,T0000001')
})

it('codes have texts in both languages, and the reasons to reject are those for customers', () => {
  expect([codeText('Forbidden', 'zh-CN'), codeText('Forbidden', 'en'), codeText('Nonsense', 'en')]).toEqual(['没有权限', 'Not permitted', 'Nonsense'])
  expect(reasons.map((r) => r.name)).toEqual(['ReasonPerson', 'ReasonDocuments', 'ReasonAmount', 'ReasonRisk', 'ReasonOther'])
  expect(responseCode('51')?.name).toBe('RespFunds')
})
