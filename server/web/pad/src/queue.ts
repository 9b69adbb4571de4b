import { api, errorText, Live, serverNow, whenSignedOut, type Approval, type LinkState, type Me } from '@bankside/kit'
import { computed, ref } from 'vue'
import { lang } from './i18n'
import { ring } from './sound'

export const me = ref<Me | null>(null)
export const why = ref<'' | 'ended' | 'idle' | 'notManager'>('')
export const link = ref<LinkState>('connecting')
export const now = ref(serverNow())
export const error = ref('')
const all = ref<Approval[]>([])
/** When this Pad learned of a decision; self: it was made here. */
export const learned = ref<Record<string, { at: number; self: boolean }>>({})
setInterval(() => { now.value = serverNow() }, 500)

/** A request past its time is expired, even before the server has said so. */
export function stateOf(a: Approval, at: number): Approval['state'] { return a.state === 'pending' && Date.parse(a.expires) <= at ? 'expired' : a.state }

export const pending = computed(() => all.value.filter((a) => stateOf(a, now.value) === 'pending').sort((a, b) => a.expires.localeCompare(b.expires)))
export const recent = computed(() => all.value.filter((a) => stateOf(a, now.value) !== 'pending').slice(0, 30))
export const find = (id: string): Approval | undefined => all.value.find((a) => a.id === id)

/** put takes over what is known now of one approval. */
export function put(a: Approval, self = false): void {
  if (a.state !== 'pending') learned.value[a.id] = { at: serverNow(), self }
  all.value = all.value.some((x) => x.id === a.id) ? all.value.map((x) => (x.id === a.id ? a : x)) : [a, ...all.value]
}

let known: Set<string> | null = null
let busy = false, again = false
export async function load(): Promise<void> {
  if (busy) { again = true; return }
  busy = true
  try {
    const list = await api.approvals()
    const was = new Map(all.value.map((a) => [a.id, a.state]))
    for (const a of list) if (a.state !== 'pending' && was.get(a.id) === 'pending' && !learned.value[a.id]) learned.value[a.id] = { at: serverNow(), self: false }
    all.value = list
    const ids = new Set(list.filter((a) => stateOf(a, serverNow()) === 'pending').map((a) => a.id))
    if ([...ids].some((id) => !known?.has(id))) ring()
    known = ids
    error.value = ''
  } catch (e) { error.value = errorText(e, lang.value) }
  busy = false
  if (again) { again = false; void load() }
}

const live = new Live({
  onEvent(e) { if (e.kind === 'approval' || e.kind === 'resync') void load() },
  onState(s) { link.value = s },
  onSignedOut() { signedOut('ended') }
})
export function signedOut(reason: typeof why.value): void {
  live.stop()
  me.value = null
  all.value = []
  learned.value = {}
  known = null
  why.value = reason
}
whenSignedOut(() => { if (me.value) signedOut('ended') })

export function signedIn(m: Me): void {
  if (m.role !== 'manager') { void leave('notManager'); return }
  me.value = m
  why.value = ''
  live.start()
}
export async function leave(reason: typeof why.value): Promise<void> {
  signedOut(reason)
  try { await api.signOut() } catch { /* the server forgets an idle session by itself */ }
}
