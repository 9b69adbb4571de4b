import type { Terminal } from '@bankside/kit'
import { describe, expect, it } from 'vitest'
import { ageNow, healthOf, reasons } from './health'
import { t, word } from './i18n'

const well: Terminal = {
  id: 'T0000001', branch: '0001', nameZH: '一号', nameEN: 'One', zone: '3des', enabled: true, online: true, state: 'inService', ageSeconds: 2, lease: '', bundle: 'a', version: '1', assigned: 'a', outbox: 0,
  modules: [{ name: 'cash', model: 'm', status: 'online', detail: '', ageSeconds: 2 }],
  cash: [{ id: 'unit1', currency: 'CNY', value: 10000, count: 400, initial: 500, rejected: 0, status: 'ok', ageSeconds: 2 }]
}
const w = { t, word, lang: 'zh-CN' as const }

describe('the health of a terminal', () => {
  // req: UX-24
  it('is offline after its silence, whatever it said last', () => {
    expect(healthOf(well, ageNow(2, 1000, 1000))).toBe('ok')
    expect(healthOf(well, ageNow(2, 0, 29_000))).toBe('offline') // no answer since: the age grows by itself
    expect(healthOf(well, -1)).toBe('offline')
  })
  it.each([
    ['fault', { modules: [{ ...well.modules[0]!, status: 'hardwareError' }] }], ['fault', { state: 'outOfService' }], ['attention', { cash: [{ ...well.cash[0]!, status: 'low' }] }],
    ['attention', { cash: [{ ...well.cash[0]!, status: 'inaccurate' }] }], ['stopped', { state: 'maintenance' }], ['busy', { state: 'busy', lease: 's' }], ['disabled', { enabled: false }]
  ] as const)('%s', (h, change) => { expect(healthOf({ ...well, ...change } as Terminal, 2)).toBe(h) })

  it('knows recycle units and the cash box', () => {
    const unit = { ...well.cash[0]!, id: 'unit100CNY1', kind: 'recycle', status: 'high' }
    const box = { ...well.cash[0]!, id: 'unitcashbox', kind: 'box', value: 0, amount: 123400, status: 'full' }
    expect(healthOf({ ...well, cash: [unit] }, 2)).toBe('ok') // more goes to the cash box
    expect(healthOf({ ...well, cash: [unit, box] }, 2)).toBe('attention')
    expect(reasons({ ...well, cash: [{ ...unit, status: 'inaccurate' }, box] }, 2, w)).toEqual(['钞箱 循环 100 计数不准', '钞箱 入钞箱：已满'])
  })

  it('has its reasons in plain words', () => {
    expect(reasons({ ...well, modules: [{ ...well.modules[0]!, status: 'hardwareError' }], cash: [{ ...well.cash[0]!, status: 'empty' }] }, 2, w)).toEqual(['出钞模块：硬件故障', '钞箱 unit1 已空'])
    expect(reasons(well, 185, w)).toEqual(['3 分钟没有上报'])
    expect(reasons(well, 2, w)).toEqual([])
  })
})
