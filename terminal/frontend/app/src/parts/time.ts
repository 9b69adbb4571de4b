import { onScopeDispose, ref, type Ref } from 'vue'

/** Whole seconds since `since` (or since now), counted while the screen lives. */
export function useElapsed(since = Date.now()): Ref<number> {
  const now = () => Math.max(0, Math.floor((Date.now() - since) / 1000))
  const n = ref(now())
  const timer = setInterval(() => (n.value = now()), 250)
  onScopeDispose(() => clearInterval(timer))
  return n
}

export function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
}
