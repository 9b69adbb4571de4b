import { codeText, texts } from '@bankside/kit'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

export const { i18n, lang, use, word, t } = texts(zh, en)

/** What an alarm is about: a terminal's kinds have words of their own, a server's are in the code table. */
export function alarmText(code: string): string {
  const w = word('alarmCode', code)
  return w === code ? codeText(code, lang.value) : w
}
