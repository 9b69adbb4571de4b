import { flushPromises, mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { i18n } from './i18n'
import type { Desk, Overview } from './staff/desk'
import Stock from './staff/Stock.vue'

it('a person says how many lines of a passbook are whole, and how many places have print', async () => {
  const passbook = vi.fn(() => Promise.resolve({}))
  const view = { devices: [], units: {}, stock: [], suspense: [], retained: 0, records: 0, books: [{ id: 77, account: '622588******0001', from: 5, to: 6, line: 6 }] } as Overview
  const v = mount(Stock, { props: { desk: { passbook } as unknown as Desk, view, lang: 'zh' }, global: { plugins: [i18n] } })
  expect(v.text()).toContain('622588******0001')
  const tap = (act: string) => v.get(`[data-act=${act}]`).trigger('click')
  const shows = () => [v.get('[data-act=book-complete]').text(), v.get('[data-act=book-used]').text()].join(' ')
  expect(shows()).toBe('0 0')
  await tap('book-used')
  expect(shows()).toBe('0 1')
  await tap('book-complete')
  expect(shows()).toBe('1 1')
  await tap('book-used')
  expect(shows()).toBe('1 2')
  await tap('book-set')
  await flushPromises()
  expect(passbook).toHaveBeenCalledWith(77, 1, 2)
  await tap('book-complete')
  await tap('book-used')
  expect(shows()).toBe('2 2') // no place is left for a part
})
