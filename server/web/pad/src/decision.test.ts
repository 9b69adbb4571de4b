import type { Approval } from '@bankside/kit'
import { enableAutoUnmount, flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import Decision from './Decision.vue'
import { i18n } from './i18n'
import { find, put, stateOf } from './queue'

const ask = (change: Partial<Approval> = {}): Approval => ({
  id: 'A1', terminal: 'T0000001', branch: '0001', kind: 'withdrawal', amount: 800000, pan: '622588******0001', state: 'pending', manager: '', code: '', note: '',
  created: new Date(Date.now() - 5000).toISOString(), expires: new Date(Date.now() + 100_000).toISOString(), ...change
})
const show = (item: Approval) => mount(Decision, { props: { item, more: false }, global: { plugins: [i18n] }, attachTo: document.body })
const answers = (status: number, code: string, data: unknown) => vi.fn((_u: string, _o: RequestInit) => Promise.resolve(new Response(JSON.stringify({ code, message: '', data }), { status })))
const in_ = (id: string): HTMLElement => document.querySelector(`[data-testid="${id}"]`) as HTMLElement
enableAutoUnmount(afterEach)
beforeEach(() => { vi.unstubAllGlobals(); document.body.innerHTML = '' })

// req: UX-33
it('approving needs that the customer was seen, and the own password', async () => {
  const f = answers(200, 'OK', ask({ state: 'approved', manager: 'anna' }))
  vi.stubGlobal('fetch', f)
  const v = show(ask())
  const approve = v.get('[data-testid=approve]')
  expect(approve.attributes('disabled')).toBeDefined()
  await v.get('[data-testid=password]').setValue('secret')
  expect(approve.attributes('disabled')).toBeDefined()
  await v.get('[data-testid=seen]').setValue(true)
  expect(approve.attributes('disabled')).toBeUndefined()
  await v.get('form.act').trigger('submit')
  await flushPromises()
  expect(f.mock.calls[0]?.[0]).toBe('/v2/api/approvals/A1/approve')
  expect(JSON.parse(f.mock.calls[0]?.[1].body as string)).toEqual({ password: 'secret', seenInPerson: true })
})

// req: UX-32
it('rejecting needs a reason of the list', async () => {
  const f = answers(200, 'OK', ask({ state: 'rejected', manager: 'anna', code: 'ReasonRisk' }))
  vi.stubGlobal('fetch', f)
  const v = show(ask())
  await v.get('[data-testid=reject]').trigger('click')
  await flushPromises()
  expect((in_('reject-confirm') as HTMLButtonElement).disabled).toBe(true)
  expect(document.querySelectorAll('[data-testid^=reason-]')).toHaveLength(5)
  in_('reason-ReasonRisk').click()
  await flushPromises()
  expect((in_('reject-confirm') as HTMLButtonElement).disabled).toBe(false)
  in_('reject-confirm').closest('form')?.dispatchEvent(new Event('submit'))
  await flushPromises()
  expect(JSON.parse(f.mock.calls[0]?.[1].body as string)).toEqual({ code: 'ReasonRisk' })
})

// req: UX-35
describe('the first decision wins', () => {
  it('and the second manager is shown whose it was', async () => {
    put(ask())
    vi.stubGlobal('fetch', answers(409, 'AlreadyDecided', ask({ state: 'approved', manager: 'ben' })))
    const v = show(ask())
    await v.get('[data-testid=seen]').setValue(true)
    await v.get('[data-testid=password]').setValue('x')
    await v.get('form.act').trigger('submit')
    await flushPromises()
    expect(find('A1')).toMatchObject({ state: 'approved', manager: 'ben' })
    await v.setProps({ item: find('A1') as Approval })
    expect(v.get('[data-testid=decided]').text()).toContain('ben 已批准')
    expect(v.find('[data-testid=approve]').exists()).toBe(false)
  })
  it.each(['expired', 'cancelled'] as const)('%s ones have no buttons', (state) => {
    const v = show(ask({ state }))
    expect(v.find('[data-testid=approve]').exists() || v.find('[data-testid=reject]').exists()).toBe(false)
    expect(v.get('[data-testid=decided]').attributes('data-state')).toBe(state)
  })
  it('time runs out on the Pad without a word of the server', () => { expect(stateOf(ask({ expires: new Date(1000).toISOString() }), 2000)).toBe('expired') })
})

// req: UX-34
it('has one field for the own password and none for anything of the customer\'s', () => {
  const names = show(ask()).findAll('input').map((x) => x.attributes('data-testid'))
  expect(names).toEqual(['seen', 'password'])
})

// req: SE-17
it('markup in a note is text', () => {
  const v = show(ask({ state: 'rejected', manager: '<b>x', code: 'ReasonOther', note: '<script>alert(1)</script>' }))
  expect(v.find('script').exists()).toBe(false)
  expect(v.text()).toContain('<script>alert(1)</script>')
})
