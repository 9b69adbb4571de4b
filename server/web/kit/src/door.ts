import { ref } from 'vue'
import { api, ApiError, errorText } from './api'
import type { Lang } from './codes'
import type { Me } from './types'

/** What a sign-in form holds. Once the server says that the password is a first one, asks is true and the form wants the person's own, twice. */
export function useDoor(words: { differ: () => string; lang: () => Lang }, signedIn: (me: Me) => void | Promise<void>) {
  const name = ref(''), password = ref(''), fresh = ref(''), again = ref(''), asks = ref(false), busy = ref(false), error = ref('')
  async function submit(): Promise<void> {
    error.value = ''
    if (asks.value && fresh.value !== again.value) { error.value = words.differ(); return }
    busy.value = true
    try {
      await signedIn(await api.signIn(name.value.trim(), password.value, asks.value ? fresh.value : ''))
      asks.value = false
      password.value = ''
    } catch (e) {
      const first = e instanceof ApiError && e.code === 'FirstPassword'
      error.value = first ? '' : errorText(e, words.lang())
      if (first) asks.value = true
      else if (!(e instanceof ApiError && e.code === 'WeakPassword')) { password.value = ''; asks.value = false }
    }
    fresh.value = again.value = ''
    busy.value = false
  }
  return { name, password, fresh, again, asks, busy, error, submit }
}
