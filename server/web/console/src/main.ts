import '@bankside/kit/tokens.css'
import './style.css'
import { api } from '@bankside/kit'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n, t } from './i18n'
import { signedIn } from './live'
import { router } from './router'

document.title = t('title')
try { signedIn(await api.me()) } catch { /* the router shows the sign-in page */ }
createApp(App).use(i18n).use(router).mount('#app')
