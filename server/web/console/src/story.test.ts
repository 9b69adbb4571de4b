import type { Host } from '@bankside/kit'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { i18n } from './i18n'
import { linkFault } from './meter'
import BookUpload from './parts/BookUpload.vue'
import StoryPage from './pages/StoryPage.vue'

const paid = { id: '7', terminal: 'P0000001', kind: 'purchase', batch: '1', stan: '1', amount: 7028, state: 'CONFIRMED', response: '00', textZH: '', textEN: '', reference: '1', auth: '1', merchant: '102290000000001', channel: 'bills', host: 'core', day: '20261122', pan: '622588******0005', note: '', created: '', updated: '' }
const at = (day: number, ms: string): string => new Date(2026, 10, day, 9, 0, 0, Number(ms)).toISOString()
let page: ReturnType<typeof mount> | undefined, answer: () => Response
const ok = (data: unknown): Response => new Response(JSON.stringify({ code: 'OK', message: '', data }))
beforeEach(() => { vi.stubGlobal('fetch', () => Promise.resolve(answer())) })
afterEach(() => { page?.unmount(); vi.unstubAllGlobals(); document.body.innerHTML = '' })
async function shown(what: unknown, props: object): Promise<string> {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)', component: { template: '<i />' } }] })
  page = mount(what as never, { props, global: { plugins: [i18n, router] }, attachTo: document.body } as never)
  await flushPromises()
  return document.body.textContent ?? ''
}

it('the story of a payment says neither that cash was paid nor that nothing was, and on which day each step was', async () => {
  answer = () => ok({ transaction: paid, journal: [], messages: { toHost: 'cups128 0200\n003 processing     000000\n', fromHost: 'cups128 0000\n' }, steps: [{ at: at(22, '1'), state: 'INTENT', note: '' }, { at: at(22, '2'), state: 'CONFIRMED', note: 'host answered 00' }, { at: at(23, '3'), state: 'CLOSED_BY_HAND', note: '' }] })
  const text = await shown(StoryPage, { id: '7' })
  for (const x of ['消费', '2026-11-22', 'cups128 0200', '主机应答 00']) expect(text).toContain(x)
  for (const x of ['拿到了钱', '未支付', '20261122', 'cups128 0000']) expect(text).not.toContain(x)
  expect([...document.querySelectorAll('.line time')].map((x) => x.textContent?.trim())).toEqual(['2026-11-22 09:00:00.001', '09:00:00.002', '2026-11-23 09:00:00.003'])
})

it.each([
  ['closed: read tcp 127.0.0.1:1->127.0.0.1:2: i/o timeout', 'timeout'], ['dial: dial tcp 10.0.0.1:1: connect: connection refused', 'refused'], ['closed: EOF', 'cut'], ['closed: write tcp: broken pipe', 'cut'],
  ['dial: lookup core.bank: no such host', 'name'], ['dial: tls: failed to verify certificate: x509: unknown authority', 'certificate'], ['listen: address in use', 'listen: address in use'], ['', '']
] satisfies [Host['link']['lastError'], string][])('what is wrong with a link, "%s", comes down to "%s"', (text, want) => { expect(linkFault(text)).toBe(want) })

it('a file that is no book says what to do about it', async () => {
  answer = () => ok({ from: [{ kind: 'host', name: 'core' }], formats: [{ name: 'core' }] })
  await shown(BookUpload, { day: '20261122' })
  vi.stubGlobal('XMLHttpRequest', class {
    upload = {}; status = 400; responseText = JSON.stringify({ code: 'BadRequest', message: 'line 1', data: null }); onload = (): void => undefined
    open(): void {} setRequestHeader(): void {} send(): void { this.onload() }
  })
  const input = page?.find('[data-testid=book-file]').element as HTMLInputElement
  Object.defineProperty(input, 'files', { value: [new File(['x'], 'x.txt')] })
  input.dispatchEvent(new Event('change'))
  await flushPromises()
  expect(document.querySelector('[data-testid=book-error]')?.textContent).toMatch(/没有对账。请核对文件、清算日和文件格式后重新选择（line 1）/)
})
