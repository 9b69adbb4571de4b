/** Minor units (fen) as yuan with two digits and thousands. */
export function yuan(fen: number): string {
  const sign = fen < 0 ? '-' : ''
  const n = Math.abs(Math.round(fen))
  const whole = String(Math.floor(n / 100)).replace(/\B(?=(\d{3})+$)/g, ',')
  return `${sign}${whole}.${String(n % 100).padStart(2, '0')}`
}
