import { FakeSjsl, someInfo } from '@counter/sjsbl/testing'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import App from './App.vue'
import { startHeartbeat } from './heartbeat'
import { i18n } from './i18n'
import { Machine } from './machine'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'requestAnimationFrame', 'cancelAnimationFrame', 'Date'] }))
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})
const tick = async (ms = 0) => {
  await vi.advanceTimersByTimeAsync(ms)
  await flushPromises()
}

async function page(info = someInfo()) {
  const fake = new FakeSjsl({
    'X-Terminal.Info': () => structuredClone(info),
    'Common.Status': () => ({ cardReader: { media: 'notPresent' }, cashDispenser: { positions: [{ positionStatus: 'empty' }] } }),
    'Keyboard.PinEntry': () => ({ digits: 6 })
  })
  const machine = new Machine({ config: async () => ({ platform: { url: 'x', token: '' } }), connect: () => fake.sjsl, reload: () => undefined })
  const w = mount(App, { props: { machine }, global: { plugins: [i18n] } })
  void machine.start()
  await tick(50)
  const screen = () => w.findAll('[data-screen]').map((e) => e.attributes('data-screen'))
  return { w, fake, machine, screen }
}

// req: UX-01, UX-14
it('leads from the first screen to the amount, warns above it, and goes on after one touch', async () => {
  const { w, screen } = await page()
  expect(screen()).toEqual(['idle'])
  await w.get('[data-act="withdrawal"]').trigger('click')
  await tick(50)
  expect(screen()).toEqual(['chooseAmount'])
  expect(w.get('[data-part="step"]').text()).toContain('3')
  await tick(61_000)
  expect(screen()).toEqual(['chooseAmount', 'warn'])
  // A touch beside the warning's own button must not reach what lies below.
  await w.get('.frame').trigger('pointerdown')
  expect(screen()).toContain('warn')
  await w.get('[data-act="more"]').trigger('click')
  expect(screen()).toEqual(['chooseAmount'])
  await w.get('[data-act="cancel"]').trigger('click')
  await tick(500)
  expect(w.get('[data-screen="outcome"]').attributes('data-outcome')).toBe('canceled')
  await w.get('[data-act="done"]').trigger('click')
  await tick(50)
  expect(screen()).toEqual(['idle'])
})

// req: UX-19
it('covers everything while the platform is not reached, and comes back by itself', async () => {
  const { fake, screen } = await page()
  fake.setUp(false)
  await tick(50)
  expect(screen()).toContain('recovering')
  fake.setUp(true)
  await tick(50)
  expect(screen()).toEqual(['idle'])
})

// req: UX-18
it('says that it is out of service, and why, when nothing is on offer', async () => {
  const info = someInfo()
  for (const k of Object.keys(info.services)) info.services[k] = { available: false, reason: 'suspended' }
  const { w, screen } = await page(info)
  expect(screen()).toEqual(['outOfService'])
  expect(w.text()).toContain('设备维护中')
})

// req: T-12
it('beats with a counter that stands still when the page paints no more', async () => {
  const beats: { frame: number; session: string; bundle: string }[] = []
  vi.stubGlobal('fetch', async (url: string, o: { body: string }) => {
    expect(url).toBe('/shell/heartbeat')
    beats.push(JSON.parse(o.body))
  })
  let paint: FrameRequestCallback | undefined
  vi.stubGlobal('requestAnimationFrame', (f: FrameRequestCallback) => ((paint = f), 1))
  const stop = startHeartbeat(() => 's1', () => 'd1')
  paint?.(0)
  await tick(2000)
  await tick(2000)
  paint?.(0)
  await tick(2000)
  stop()
  await tick(4000)
  expect(beats.map((b) => b.frame)).toEqual([0, 1, 1, 2])
  expect(beats[1]).toEqual({ frame: 1, session: 's1', bundle: 'd1' })
})
