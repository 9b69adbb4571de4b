import { codeByName, codes, type Code } from './codes.gen'

export type Lang = 'zh-CN' | 'en'

/** The text of a code in a language; the code itself when the table lacks it. */
export function codeText(name: string, lang: Lang): string {
  const c = codeByName[name]
  return c ? (lang === 'en' ? c.en : c.zh) : name
}

const byResponse: Readonly<Record<string, Code>> = Object.fromEntries(codes.filter((c) => c.response).map((c) => [c.response as string, c]))

/** What a response code of the host means, or undefined. */
export function responseCode(rc: string): Code | undefined { return byResponse[rc] }

/** The reasons from which a manager chooses to reject. */
export const reasons: readonly Code[] = codes.filter((c) => c.name.startsWith('Reason') && c.customer)
