import { api, errorText } from '@bankside/kit'
import { createRouter, createWebHashHistory } from 'vue-router'
import { lang } from './i18n'
import { data, me, whenLeaving } from './live'
import SignIn from './pages/SignIn.vue'

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/sign-in', component: SignIn, meta: { open: true } },
    { path: '/', component: () => import('./pages/Home.vue') },
    { path: '/terminals/:id', component: () => import('./pages/TerminalPage.vue'), props: true },
    { path: '/transactions', component: () => import('./pages/Transactions.vue') },
    { path: '/transactions/:id', component: () => import('./pages/StoryPage.vue'), props: true },
    { path: '/switch', component: () => import('./pages/SwitchPage.vue') },
    { path: '/reconciliation', component: () => import('./pages/Reconciliation.vue') },
    { path: '/merchants', component: () => import('./pages/Merchants.vue') },
    { path: '/products', component: () => import('./pages/Products.vue') },
    { path: '/cases', component: () => import('./pages/Cases.vue') },
    { path: '/cases/:number', component: () => import('./pages/Cases.vue'), props: true },
    { path: '/blocks', component: () => import('./pages/Blocks.vue') },
    { path: '/people', component: () => import('./pages/People.vue') },
    { path: '/formats', component: () => import('./pages/Formats.vue') },
    { path: '/bundles', component: () => import('./pages/Bundles.vue') },
    { path: '/alarms', component: () => import('./pages/Alarms.vue') },
    { path: '/:rest(.*)', redirect: '/' }
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 }
})
router.beforeEach((to, from) => (me.value?.role === 'teller' && to.path === '/' && from.meta.open ? '/cases' : me.value || to.meta.open ? true : { path: '/sign-in', query: to.fullPath === '/' ? {} : { to: to.fullPath } }))
whenLeaving((byChoice) => {
  const at = router.currentRoute.value
  if (!at.meta.open) void router.push({ path: '/sign-in', query: byChoice ? {} : { ended: '1', to: at.fullPath } })
})
// A page's code cannot be had: the server is away, or it has newer pages than this window.
router.onError(async (_, to, from) => {
  try {
    await api.me()
    if (!from.matched.length) throw new Error('the newest pages do not work either')
    history.replaceState(null, '', `#${to.fullPath}`)
    location.reload()
  } catch (e) { data.error = errorText(e, lang.value) }
})
