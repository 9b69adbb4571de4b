/** Bytes as people read them: offset, sixteen bytes, their ASCII. */
export function hexdump(hex: string): string {
  const out: string[] = []
  for (let at = 0; at * 2 < hex.length; at += 16) {
    const row = (hex.slice(at * 2, at * 2 + 32).match(/../g) ?? [])
    const text = row.map((b) => { const c = parseInt(b, 16); return c >= 0x20 && c < 0x7f ? String.fromCharCode(c) : '.' }).join('')
    out.push(`${at.toString(16).padStart(4, '0')}  ${[row.slice(0, 8).join(' '), row.slice(8).join(' ')].join('  ').padEnd(49)} ${text}`)
  }
  return out.join('\n')
}

/** A transaction to begin with. SM4 formats have PIN blocks of sixteen bytes. */
export function sampleFor(format: string): string {
  return JSON.stringify({
    type: '0200',
    values: {
      pan: '6225880000000001', procCode: '010000', amount: '000000030000', stan: '000017', localTime: '154841', localDate: '1122', terminal: 'T0000001', merchant: '102290000000001',
      currency: '156', pinBlock: 'A935832EF8704115'.repeat(/sm4$/.test(format) ? 2 : 1)
    }
  }, null, 2)
}
