import { afterEach, expect, it, vi } from 'vitest'
import { api, ApiError } from './api'
import { useDoor } from './door'
import type { Me } from './types'

const ruth: Me = { name: 'ruth', display: 'ruth', role: 'admin', branch: '' }
const no = (code: string): ApiError => new ApiError(403, code, '')
afterEach(() => { vi.restoreAllMocks() })

it('a first password wants one of the own, twice the same, and keeps what was typed', async () => {
  const entered: Me[] = []
  const d = useDoor({ differ: () => 'differ', lang: () => 'en' }, (m) => { entered.push(m) })
  const signIn = vi.spyOn(api, 'signIn').mockRejectedValueOnce(no('FirstPassword')).mockRejectedValueOnce(no('WeakPassword')).mockResolvedValueOnce(ruth)
  d.name.value = ' ruth '
  d.password.value = 'first password'
  await d.submit()
  expect([d.asks.value, d.error.value, d.password.value]).toEqual([true, '', 'first password'])
  d.fresh.value = 'one'
  d.again.value = 'other'
  await d.submit()
  expect([d.error.value, signIn.mock.calls.length]).toEqual(['differ', 1])
  d.again.value = 'one'
  await d.submit()
  expect(d.asks.value && d.error.value !== '').toBe(true)
  d.fresh.value = d.again.value = 'my own password'
  await d.submit()
  expect(signIn.mock.lastCall).toEqual(['ruth', 'first password', 'my own password'])
  expect([entered, d.asks.value, d.password.value]).toEqual([[ruth], false, ''])
})

it('a wrong password is forgotten, and the name stays', async () => {
  const d = useDoor({ differ: () => 'differ', lang: () => 'en' }, () => {})
  vi.spyOn(api, 'signIn').mockRejectedValue(no('WrongPassword'))
  d.name.value = 'ruth'
  d.password.value = 'x'
  await d.submit()
  expect([d.name.value, d.password.value, d.asks.value, d.busy.value]).toEqual(['ruth', '', false, false])
  expect(d.error.value).not.toBe('')
})
