import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import { i18n } from './i18n'
import Signature from './parts/Signature.vue'
import { box, paths } from './signature'

afterEach(() => { vi.unstubAllGlobals() })

it('strokes become lines, a dot too', () => {
  expect(paths([[[1, 2, 0, 500], [3, 4, 9, 500]], [], [[5, 6, 10, 500]]])).toEqual(['M1 2L3 4', 'M5 6L5 6'])
})

it('the picture is as big as the strokes', () => {
  expect(box([[[100, 50, 0, 500], [300, 90, 9, 500]], [[200, 120, 10, 500]]])).toBe('70 20 260 130')
  expect(box([])).toBe('0 0 1000 400')
})

it('a signature is fetched only when somebody looks, as each look is noted', async () => {
  const f = vi.fn((_u: string) => Promise.resolve(new Response(JSON.stringify({ code: 'OK', message: '', data: { document: 'd', text: '<b>协议</b>', strokes: [[[1, 2, 0, 500], [3, 4, 9, 500]]] } }))))
  vi.stubGlobal('fetch', f)
  const v = mount(Signature, { props: { txn: '42', digest: 'ab'.repeat(32), document: 'card-agreement/1' }, global: { plugins: [i18n] } })
  await flushPromises()
  expect(f).not.toHaveBeenCalled()
  await v.get('[data-testid=signature-look]').trigger('click')
  await flushPromises()
  expect(f.mock.calls[0]?.[0]).toBe(`/v2/api/transactions/42/signatures/${'ab'.repeat(32)}`)
  expect(v.findAll('path').length).toBe(1)
  expect(v.find('b b').exists()).toBe(false)
  expect(v.text()).toContain('<b>协议</b>')
})
