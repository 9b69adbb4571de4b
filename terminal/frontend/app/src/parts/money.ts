import { yuan } from '@counter/sjsbl'

/** Minor units in whole yuan where there are no fen, as people say amounts of cash. */
export function plain(fen: unknown): string {
  const n = Number(fen ?? 0)
  return n % 100 === 0 ? yuan(n).slice(0, -3) : yuan(n)
}
