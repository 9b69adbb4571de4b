import { errorText } from '@bankside/kit'
import { onBeforeUnmount, onMounted, ref } from 'vue'
import { lang } from './i18n'

/** Calls f now and every ms while the page is there and seen, never twice at a time. error has what went wrong last. */
export function poll(f: () => Promise<void>, ms: number | (() => number)) {
  const error = ref('')
  let timer: ReturnType<typeof setTimeout> | undefined, gone = false, busy = false
  const run = async (): Promise<void> => {
    clearTimeout(timer)
    if (gone || busy) return
    busy = true
    if (!document.hidden) {
      try { await f(); error.value = '' } catch (e) { error.value = errorText(e, lang.value) }
    }
    busy = false
    if (!gone) timer = setTimeout(() => void run(), typeof ms === 'number' ? ms : ms())
  }
  const seen = (): void => { if (!document.hidden) void run() }
  onMounted(() => { document.addEventListener('visibilitychange', seen); void run() })
  onBeforeUnmount(() => { gone = true; clearTimeout(timer); document.removeEventListener('visibilitychange', seen) })
  return { error, run }
}
