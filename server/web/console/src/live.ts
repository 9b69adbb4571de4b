import { api, errorText, Live, whenSignedOut, type Alarm, type Bundle, type LinkState, type LiveEvent, type Me, type Terminal, type Totals, type Transaction } from '@bankside/kit'
import { computed, onBeforeUnmount, reactive, ref } from 'vue'
import { ageNow, healthOf, healths, type Health } from './health'
import { lang } from './i18n'

/** What all pages share, kept fresh by the server's events. */
export const me = ref<Me | null>(null)
/** Whether the whole bank is this person's: head office's, or a teller of all branches. */
export const everywhere = computed(() => me.value?.branch === '*' && me.value.role !== 'manager' || !me.value?.branch && ['operator', 'admin'].includes(me.value?.role ?? ''))
/** The switch and what the bank has agreed on are not a branch's business. */
export const office = computed(() => everywhere.value && ['operator', 'admin'].includes(me.value?.role ?? ''))
/** Nobody has said which branch is a person's: there is nothing to see. */
const placeless = (x: Me): boolean => (!x.branch && !['operator', 'admin'].includes(x.role)) || (x.branch === '*' && x.role === 'manager')
export const unplaced = computed(() => !!me.value && placeless(me.value))
export const link = ref<LinkState>('connecting')
export const now = ref(Date.now())
export const data = reactive({
  terminals: [] as Terminal[], fetched: 0, loaded: false, error: '', alarms: [] as Alarm[], bundles: [] as Bundle[], waiting: [] as Transaction[], adrift: [] as Me[],
  hour: null as Totals | null
})
setInterval(() => { now.value = Date.now() }, 1000)

export interface Row { t: Terminal; age: number; health: Health }
export const rows = computed<Row[]>(() => data.terminals
  .map((t) => { const age = ageNow(t.ageSeconds, data.fetched, now.value); return { t, age, health: healthOf(t, age) } })
  .sort((a, b) => healths.indexOf(a.health) - healths.indexOf(b.health) || (a.health === 'offline' ? b.age - a.age : 0) || a.t.id.localeCompare(b.t.id)))

export function nameOf(t: Terminal): string { return (lang.value === 'en' ? t.nameEN || t.nameZH : t.nameZH || t.nameEN) || t.id }

const listeners = new Set<(e: LiveEvent) => void>()
/** A page that wants to hear of changes; the answer ends it. */
export function onChange(f: (e: LiveEvent) => void): () => void { listeners.add(f); return () => listeners.delete(f) }
/** Calls f when the server is there again, as long as the component that asks is. */
export function whenBack(f: () => void): void { onBeforeUnmount(onChange((e) => { if (e.kind === 'resync') f() })) }

/** loader calls f soon, and never twice at a time: a burst of events is one call. */
function loader(f: () => Promise<void>, pause: number): () => void {
  let busy = false, again = false, timer: ReturnType<typeof setTimeout> | undefined
  const run = async (): Promise<void> => {
    timer = undefined
    if (busy) { again = true; return }
    busy = true
    try { await f(); data.error = '' } catch (e) { data.error = errorText(e, lang.value) }
    busy = false
    if (again) { again = false; want() }
  }
  const want = (): void => { timer ??= setTimeout(() => void run(), pause) }
  return want
}

const loadTerminals = loader(async () => { data.terminals = await api.terminals(); data.fetched = Date.now(); now.value = data.fetched; data.loaded = true }, 150)
const loadAlarms = loader(async () => { data.alarms = await api.alarms() }, 150)
const loadBundles = loader(async () => { data.bundles = await api.bundles() }, 150)
const loadTxns = loader(async () => {
  const [a, b, h] = await Promise.all([
    api.search({ state: 'SUSPENSE', size: 20 }), api.search({ state: 'REVERSAL_STUCK', size: 20 }),
    api.totals({ from: new Date(Date.now() - 3_600_000).toISOString() })
  ])
  data.waiting = [...a.items, ...b.items].sort((x, y) => x.created.localeCompare(y.created))
  data.hour = h
}, 800)
/** Whom an administrator has to give a branch: who was added before each had to have one. */
export const loadStaff = loader(async () => { data.adrift = office.value && me.value?.role === 'admin' ? (await api.users()).filter(placeless) : [] }, 150)

export function loadAll(): void { loadTerminals(); loadAlarms(); loadBundles(); loadTxns(); loadStaff() }

const live = new Live({
  onEvent(e) {
    if (e.kind === 'resync') loadAll()
    if (e.kind === 'terminal') loadTerminals()
    if (e.kind === 'alarm') loadAlarms()
    if (e.kind === 'bundle') loadBundles()
    if (e.kind === 'transaction') loadTxns()
    for (const f of listeners) f(e)
  },
  onState(s) { link.value = s },
  onSignedOut() { signedOut() }
})

let leave = (_byChoice: boolean): void => {}
export function whenLeaving(f: (byChoice: boolean) => void): void { leave = f }
function signedOut(byChoice = false): void {
  live.stop()
  me.value = null
  leave(byChoice)
}
whenSignedOut(() => signedOut())

export function signedIn(m: Me): void {
  me.value = m
  live.start()
}
export async function signOut(): Promise<void> {
  try { await api.signOut() } finally { signedOut(true) }
}
