import '@bankside/kit/tokens.css'
import './style.css'
import { api } from '@bankside/kit'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n, t } from './i18n'
import { signedIn } from './queue'

document.title = t('title')
try {
  const m = await api.me()
  if (m.role === 'manager') signedIn(m) // somebody else's session stays as it is
} catch { /* the sign-in page is shown */ }
createApp(App).use(i18n).mount('#app')
