import { expect, it, vi } from 'vitest'
import { createApp, defineComponent, h } from 'vue'
import { useIdle } from './idle'

// req: UX-33
it('a Pad that nobody touches signs out, after a warning; a touch keeps it', () => {
  vi.useFakeTimers()
  const leave = vi.fn()
  let idle!: ReturnType<typeof useIdle>
  const app = createApp(defineComponent({ setup() { idle = useIdle(600, leave); return () => h('i') } }))
  app.mount(document.createElement('div'))
  vi.advanceTimersByTime(530_000)
  expect(idle.left.value).toBeNull()
  vi.advanceTimersByTime(20_000)
  expect(idle.left.value).toBeGreaterThan(0)
  dispatchEvent(new Event('pointerdown'))
  expect(idle.left.value).toBeNull()
  vi.advanceTimersByTime(599_000)
  expect(leave).not.toHaveBeenCalled()
  vi.advanceTimersByTime(2000)
  expect(leave).toHaveBeenCalledOnce()
  app.unmount()
  vi.useRealTimers()
})
