import type { Difference } from '@bankside/kit'
import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { nextTick } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import { i18n } from './i18n'
import Differences from './parts/Differences.vue'

it('thousands of differences are shown page by page, and what is left of them after some are settled', async () => {
  const list = (n: number): Difference[] => Array.from({ length: n }, (_, i) => ({ id: String(i), host: 'core', book: 'host', class: 'oursOnly', owner: 'clearing', state: 'open', reference: String(i), terminal: 'T0000001', branch: '0001', ours: 100 }) as unknown as Difference)
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)', component: { template: '<i />' } }] })
  const page = mount(Differences, { props: { list: list(120), bank: true }, global: { plugins: [i18n, router] } })
  const shown = (): (string | undefined)[] => page.findAll('[data-testid=difference]').map((x) => x.attributes('data-id'))
  expect([shown().length, shown()[0]]).toEqual([50, '0'])
  await page.findAll('.pages li')[2]?.trigger('click')
  expect([shown().length, shown()[0]]).toEqual([20, '100'])
  await page.setProps({ list: list(60) })
  await nextTick()
  expect([shown().length, shown()[0]]).toEqual([10, '50'])
  await page.setProps({ list: list(3) })
  await nextTick()
  expect([shown().length, page.findAll('.pages').length]).toEqual([3, 0])
})
