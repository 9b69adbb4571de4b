import type { Lang } from './codes'

/** Amounts are integer fen everywhere; only the screen has yuan. 123456789 → "1,234,567.89". */
export function yuan(fen: number): string {
  const a = Math.abs(Math.trunc(fen))
  const whole = String(Math.floor(a / 100)).replace(/\B(?=(\d{3})+$)/g, ',')
  return `${fen < 0 ? '-' : ''}${whole}.${String(a % 100).padStart(2, '0')}`
}

/** "1,234.5" → 123450; undefined when it is no amount. Never goes through a fraction. */
export function fenOf(text: string): number | undefined {
  const m = /^(\d{1,12})(?:\.(\d{1,2}))?$/.exec(text.trim().replace(/[,，\s¥￥]/g, ''))
  return m ? Number(m[1]) * 100 + Number((m[2] ?? '').padEnd(2, '0')) : undefined
}

/** How long ago, in one unit: "12 秒前", "3 min ago". Negative: never. */
export function ago(seconds: number, lang: Lang): string {
  if (seconds < 0) return lang === 'en' ? 'never' : '从未上报'
  const d = span(seconds, lang)
  return lang === 'en' ? `${d} ago` : `${d}前`
}

/** A duration in its largest unit. */
export function span(seconds: number, lang: Lang): string {
  const s = Math.max(0, Math.floor(seconds))
  const [n, zh, en] = s < 60 ? [s, '秒', 's'] : s < 3600 ? [Math.floor(s / 60), '分钟', 'min'] : s < 172_800 ? [Math.floor(s / 3600), '小时', 'h'] : [Math.floor(s / 86_400), '天', 'd']
  return `${n} ${lang === 'en' ? en : zh}`
}

/** A countdown: 95 → "1:35". */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.ceil(seconds))
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`
}

const two = (n: number): string => String(n).padStart(2, '0')

/** Local date and time, 2026-11-22 01:05:09; empty for no time. */
export function time(iso: string | Date, parts: 'full' | 'clock' | 'millis' | 'short' = 'full'): string {
  const d = new Date(iso)
  if (Number.isNaN(d.getTime()) || d.getFullYear() < 1971) return ''
  const c = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
  if (parts === 'clock') return c
  if (parts === 'millis') return `${c}.${String(d.getMilliseconds()).padStart(3, '0')}`
  if (parts === 'short') return `${two(d.getMonth() + 1)}-${two(d.getDate())} ${c}`
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${c}`
}

/** 1536 → "1.5 KB". */
export function bytes(n: number): string {
  if (n < 1024) return `${n} B`
  const u = ['KB', 'MB', 'GB']
  let v = n / 1024, i = 0
  while (v >= 1024 && i < u.length - 1) { v /= 1024; i++ }
  return `${v.toFixed(v < 10 ? 1 : 0)} ${u[i]}`
}

/** One CSV line. A cell that a spreadsheet would take for a formula gets an apostrophe, and digits that it would spoil (long, with leading zeros, like a date) a tab: then they are text. */
export function csvLine(cells: readonly (string | number)[]): string {
  return cells.map((c) => {
    const s = typeof c !== 'string' ? String(c) : /^[=+\-@\t\r]/.test(c) ? `'${c}` : /^(0\d+|\d{16,}|\d+\/\d+)$/.test(c) ? `\t${c}` : c
    return /[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s
  }).join(',')
}
