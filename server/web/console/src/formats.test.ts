import type { Format, FormatText, Me, Previewed } from '@bankside/kit'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { i18n } from './i18n'
import { me } from './live'
import Formats from './pages/Formats.vue'

const who = (role: Me['role']): Me => ({ name: 'root', display: 'root', role, branch: '' })
let list: Format[], bodies: { url: string; body: { yaml: string; before: string } }[] = [], gone: string[] = [], got: Previewed, status = 200, page: ReturnType<typeof mount> | undefined
const text = (x: Format): FormatText => ({ ...x, yaml: `name: ${x.name}`, digest: `digest of ${x.name}` })
beforeEach(() => {
  vi.useFakeTimers()
  bodies = []
  gone = []
  status = 200
  got = { name: 'mybank', kind: 'fixed', hex: '30', described: 'mybank 0200' }
  list = [{ name: 'corefixed', from: 'builtin', used: [] }, { name: 'mybank', from: 'server', path: '/etc/zhigui/mybank.yaml', used: ['core', 'spare'] }, { name: 'other', from: 'draft', path: '/data/formats/other.yaml', used: [] }]
  me.value = who('admin')
  vi.stubGlobal('fetch', (url: string, o: { method: string; body?: string }) => {
    if (o.method === 'PUT') {
      bodies.push({ url, body: JSON.parse(o.body ?? '') as { yaml: string; before: string } })
      if (status !== 200) return Promise.resolve(new Response(JSON.stringify({ code: 'Conflict', message: '' }), { status }))
      list = [...list.filter((x) => x.from !== 'draft' || x.name !== got.name), { name: got.name, from: 'draft', path: `/data/formats/${got.name}.yaml`, used: [] }]
    }
    if (o.method === 'DELETE') {
      gone.push(url)
      if (status !== 200) return Promise.resolve(new Response(JSON.stringify({ code: 'Conflict', message: '' }), { status }))
      list = list.filter((x) => x.from !== 'draft')
    }
    const m = /formats\/(\w+)\?from=(\w+)/.exec(url), of = m && list.find((x) => x.name === m[1] && x.from === m[2])
    const data = url.endsWith('/preview') ? got : o.method === 'PUT' ? { ...text(list[list.length - 1] as Format), yaml: bodies.at(-1)?.body.yaml } : of ? text(of) : list
    return Promise.resolve(new Response(JSON.stringify({ code: 'OK', message: '', data })))
  })
})
afterEach(() => { page?.unmount(); me.value = null; vi.useRealTimers(); vi.unstubAllGlobals(); document.body.innerHTML = '' })
const el = (id: string): HTMLElement | null => document.querySelector(`[data-testid=${id}]`)
async function settle(): Promise<void> { await flushPromises(); await vi.advanceTimersByTimeAsync(400); await flushPromises() }
async function shown(): Promise<void> {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)', component: { template: '<i />' } }] })
  page = mount(Formats, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await settle()
}
async function open(key: string): Promise<void> { await page?.find('[data-testid=format-name]').setValue(key); await settle() }

it('the formats of the server are opened with where they come from and who runs by them', async () => {
  await shown()
  expect([...document.querySelectorAll('optgroup')].map((g) => g.label)).toEqual(['内置', '本服务器在用', '草稿'])
  await open('server/mybank')
  expect(el('format-use')?.textContent).toMatch(/core、spare.*\/etc\/zhigui\/mybank\.yaml/s)
  await open('draft/other')
  expect(el('format-use')?.textContent).toMatch(/hosts\[\]\.dialect.*重启.*\/data\/formats\/other\.yaml/s)
})

it('a draft is stored over what was opened, and over nothing that was not', async () => {
  await shown()
  await open('server/mybank')
  el('format-store')?.click()
  await settle()
  expect(bodies).toEqual([{ url: '/v2/api/formats/mybank', body: { yaml: 'name: mybank', before: '' } }])
  expect(el('format-use')?.getAttribute('data-from')).toBe('draft')
  await page?.find('[data-testid=format-yaml]').setValue('name: mybank # again')
  await settle()
  el('format-store')?.click()
  await settle()
  expect(bodies.at(-1)?.body).toEqual({ yaml: 'name: mybank # again', before: 'digest of mybank' })
  await open('corefixed')
  status = 409
  el('format-store')?.click()
  await settle()
  expect(bodies.at(-1)?.body.before).toBe('')
  expect(document.querySelector('[role=alert]')?.textContent).toContain('已有草稿 mybank')
})

it('a draft is deleted when that is said twice, and what runs is not', async () => {
  await shown()
  expect(el('format-drop')).toBeNull()
  await open('server/mybank')
  expect(el('format-drop')).toBeNull()
  await open('draft/other')
  el('format-drop')?.click()
  await settle()
  expect(gone).toEqual([])
  expect(el('format-drop')?.textContent).toBe('确定删除？')
  status = 409
  el('format-drop')?.click()
  await settle()
  expect(document.querySelector('[role=alert]')?.textContent).toContain('已有草稿 other')
  status = 200
  el('format-drop')?.click()
  await settle()
  el('format-drop')?.click()
  await settle()
  expect(gone).toEqual(['/v2/api/formats/other?before=digest%20of%20other', '/v2/api/formats/other?before=digest%20of%20other'])
  expect(el('format-use')?.getAttribute('data-from')).toBe('builtin')
  expect([...document.querySelectorAll('optgroup')].map((g) => g.label)).toEqual(['内置', '本服务器在用'])
})

it('what cannot be stored says why, and who may not is not asked', async () => {
  await shown()
  got = { name: 'corefixed', kind: 'fixed', hex: '', described: '' }
  await open('corefixed')
  await page?.find('[data-testid=format-yaml]').setValue('name: corefixed #')
  await settle()
  expect((el('format-store') as HTMLButtonElement).disabled).toBe(true)
  expect(el('format-refusal')?.textContent).toContain('corefixed 是内置格式')
  got = { ...got, error: { in: 'yaml', line: 1, column: 2, reason: 'x' } }
  await page?.find('[data-testid=format-yaml]').setValue('nam')
  await settle()
  expect(el('format-refusal')?.textContent).toContain('内容还有错')
  me.value = who('operator')
  await settle()
  expect(el('format-store')).toBeNull()
})
