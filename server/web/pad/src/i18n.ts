import { texts } from '@bankside/kit'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

export const { i18n, lang, use, word, t } = texts(zh, en)
