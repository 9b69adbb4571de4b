import { onBeforeUnmount, ref } from 'vue'

/**
 * Counts the seconds since somebody touched the Pad. What arrives by itself does not count as a
 * touch. left is set in the last minute only.
 */
export function useIdle(seconds: number, leave: () => void, clock: () => number = Date.now) {
  const left = ref<number | null>(null)
  let touched = clock()
  const touch = (): void => { touched = clock(); left.value = null }
  const events = ['pointerdown', 'keydown', 'touchstart'] as const
  for (const e of events) addEventListener(e, touch, { capture: true, passive: true })
  const timer = setInterval(() => {
    const rest = Math.ceil(seconds - (clock() - touched) / 1000)
    if (rest <= 0) { left.value = null; leave(); touched = clock() } else left.value = rest <= Math.min(60, seconds / 2) ? rest : null
  }, 1000)
  const stop = (): void => { clearInterval(timer); for (const e of events) removeEventListener(e, touch, { capture: true }) }
  onBeforeUnmount(stop)
  return { left, touch, stop }
}
