import type { Terminal } from '@bankside/kit'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import { i18n } from './i18n'
import BackDialog from './parts/BackDialog.vue'

const terminal = { id: 'T0000001', nameZH: '解放路支行 1 号机', nameEN: '' } as Terminal
const at = (version: string) => ({ digest: version, name: 'flows', version, by: 'admin', created: '' })
afterEach(() => { vi.unstubAllGlobals(); document.body.innerHTML = '' })

// req: UX-27
it('going back tells target and effect, and needs the typed number of the terminal', async () => {
  const f = vi.fn((_u: string) => Promise.resolve(new Response(JSON.stringify({ code: 'OK', message: '', data: [] }))))
  vi.stubGlobal('fetch', f)
  const v = mount(BackDialog, { props: { modelValue: false, terminal, from: at('1.1.0'), to: at('1.0.0') }, global: { plugins: [i18n] }, attachTo: document.body })
  await v.setProps({ modelValue: true })
  await flushPromises()
  const body = document.body.textContent ?? ''
  for (const x of ['T0000001', '解放路支行 1 号机', 'flows 1.1.0', 'flows 1.0.0', '客户会看到什么']) expect(body).toContain(x)
  const number = document.querySelector('[data-testid=bundle-back-number]') as HTMLInputElement
  const go = document.querySelector('[data-testid=bundle-back-confirm]') as HTMLButtonElement
  const type = async (text: string): Promise<void> => { number.value = text; number.dispatchEvent(new Event('input')); await flushPromises() }
  for (const other of ['', 'T0000002', 'T000000']) {
    await type(other)
    expect(go.disabled).toBe(true)
    go.form?.dispatchEvent(new Event('submit', { cancelable: true }))
    await flushPromises()
  }
  expect(f).not.toHaveBeenCalled()
  await type('T0000001')
  expect(go.disabled).toBe(false)
  go.form?.dispatchEvent(new Event('submit', { cancelable: true }))
  await flushPromises()
  expect(f.mock.calls[0]?.[0]).toBe('/v2/api/terminals/T0000001/bundles/back')
})
