import { yuan } from '@counter/sjsbl'

/** Minor units in whole yuan where there are no fen, as people say amounts of cash. */
export function plain(fen: unknown): string {
  const n = Number(fen ?? 0)
  return n % 100 === 0 ? yuan(n).slice(0, -3) : yuan(n)
}

/** Minor units of an amount that is typed in yuan, by its digits: no fraction is ever calculated with. */
export function fenOf(typed: string): number {
  const [whole, part = ''] = typed.split('.')
  return Number(whole) * 100 + Number(part.padEnd(2, '0'))
}

/** An amount as it would have been typed; nothing for none. */
export function typedOf(fen: number): string {
  return fen > 0 ? `${Math.floor(fen / 100)}${fen % 100 ? `.${String(fen % 100).padStart(2, '0')}` : ''}` : ''
}

/** What is typed so far, with its thousands apart. */
export function asTyped(typed: string): string {
  const [whole = '', part] = typed.split('.')
  return plain(Number(whole) * 100) + (part === undefined ? '' : `.${part}`)
}
