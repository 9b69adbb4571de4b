import { computed } from 'vue'
import { createI18n } from 'vue-i18n'
import type { Lang } from './codes'

const key = 'zhigui-lang'

function stored(): Lang {
  try { return localStorage.getItem(key) === 'en' ? 'en' : 'zh-CN' } catch { return 'zh-CN' }
}

type Texts = Record<string, unknown>

/** The texts of a page. Chinese first; the choice is remembered on this machine. */
export function texts(zh: Texts, en: Texts) {
  const i18n = createI18n({ legacy: false, locale: stored(), fallbackLocale: 'zh-CN', messages: { 'zh-CN': zh, en } as never, missingWarn: false, fallbackWarn: false })
  const g = i18n.global as unknown as { locale: { value: Lang }; t: (k: string, v?: Record<string, unknown>) => string; te: (k: string) => boolean }
  const lang = computed<Lang>(() => g.locale.value)
  function use(l: Lang): void {
    g.locale.value = l
    document.documentElement.lang = l
    document.title = g.t('title')
    try { localStorage.setItem(key, l) } catch { /* private mode: not remembered */ }
  }
  /** The text of key.name, or name itself when there is none. */
  function word(group: string, name: string): string {
    const k = `${group}.${name}`
    return name && (g.te(k) || (i18n.global as unknown as { te: (k: string, l: string) => boolean }).te(k, 'zh-CN')) ? g.t(k) : name
  }
  document.documentElement.lang = lang.value
  return { i18n, lang, use, word, t: g.t }
}
