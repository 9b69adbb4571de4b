import type { Lang, Payload, TerminalInfo } from '@counter/sjsl'

/** What every screen gets. A screen shows, and answers with one event; it decides nothing. */
export interface ScreenProps {
  params: Payload
  info?: TerminalInfo
  lang: Lang
}
