import { api } from '@bankside/kit'
import { mount } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import App from './App.vue'
import { i18n } from './i18n'
import { everywhere, loadStaff, me, office, unplaced } from './live'

afterEach(() => { me.value = null; document.body.innerHTML = '' })

it.each([
  ['operator', '', true, true, false], ['admin', '', true, true, false], ['operator', '0001', false, false, false], ['teller', '*', true, false, false], ['teller', '0002', false, false, false],
  ['manager', '0001', false, false, false], ['manager', '', false, false, true], ['manager', '*', false, false, true], ['teller', '', false, false, true]
] as const)('a %s of "%s" has the whole bank %s, head office %s, nothing %s', (role, branch, whole, head, none) => {
  me.value = { name: 'x', display: 'x', role, branch }
  expect([everywhere.value, office.value, unplaced.value]).toEqual([whole, head, none])
})

it('a teller without a branch is told whom to ask, and gets no page that says it is empty', async () => {
  me.value = { name: 'nora', display: '诺拉', role: 'teller', branch: '' }
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)', component: { template: '<p>a page</p>' } }] })
  const app = mount(App, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await router.isReady()
  expect(document.querySelector('[data-testid=unplaced]')?.textContent).toMatch(/没有所属机构[^]*请联系系统管理员为账号 nora/)
  expect(document.body.textContent).not.toContain('a page')
  expect(document.querySelectorAll('nav a').length).toBe(0)
  me.value = { ...me.value, branch: '0001' }
  await app.vm.$nextTick()
  expect(document.querySelector('[data-testid=unplaced]')).toBeNull()
  expect(document.body.textContent).toContain('a page')
  app.unmount()
})

it('an administrator of head office is told who has no branch, and nobody else is asked to know', async () => {
  const since = { state: 'on' as const, created: '' }
  const users = vi.spyOn(api, 'users').mockResolvedValue([{ name: 'nora', display: '诺拉', role: 'teller', branch: '', ...since }, { name: 'tess', display: '苔丝', role: 'teller', branch: '*', ...since }, { name: 'olga', display: '奥尔加', role: 'operator', branch: '', ...since }])
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)', component: { template: '<p>a page</p>' } }] })
  const app = mount(App, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await router.isReady()
  for (const [role, branch, told] of [['operator', '', false], ['admin', '0001', false], ['admin', '', true]] as const) {
    me.value = { name: 'root', display: 'root', role, branch }
    loadStaff()
    await new Promise((r) => { setTimeout(r, 200) })
    expect(!!document.querySelector('[data-testid=adrift]')).toBe(told)
  }
  expect(document.querySelector('[data-testid=adrift]')?.textContent).toMatch(/1 个.*：nora。.*--branch/)
  expect(users).toHaveBeenCalledTimes(1)
  app.unmount()
})
