// The hand of a bill partner: its requests to the server's channel `bills` (JSON over http), with PIN block and MAC under
// the keys that it shares with the bank. Written from docs and standards alone: ISO 9564-1 (PIN block), ANSI X9.19 (MAC).
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const des = (make, key, data) => { const c = make('des-ede3-ecb', key.length === 8 ? Buffer.concat([key, key, key]) : Buffer.concat([key, key.subarray(0, 8)]), null); c.setAutoPadding(false); return Buffer.concat([c.update(data), c.final()]) }
const xor = (a, b) => Buffer.from(a.map((v, i) => v ^ b[i]))

function mac(key, data) {
  const [left, right] = [key.subarray(0, 8), key.subarray(8)]
  let block = Buffer.alloc(8)
  for (let i = 0; i < data.length; i += 8) block = des(createCipheriv, left, xor(block, Buffer.concat([data.subarray(i, i + 8), Buffer.alloc(8)]).subarray(0, 8)))
  return des(createCipheriv, left, des(createDecipheriv, right, block))
}

function pinBlock(key, pin, card) {
  const digits = Buffer.from(`0${pin.length}${pin}`.padEnd(16, 'F'), 'hex'), number = Buffer.from(card.slice(-13, -1).padStart(16, '0'), 'hex')
  return des(createCipheriv, key, xor(digits, number)).toString('base64')
}

/** A partner at a desk that was started with partner: true. */
export function partner(desk, terminal = 'P0000001') {
  const [pek, mak] = readFileSync(join(desk.dir, 'keys/zone.keys'), 'utf8').trim().split(/\s+/).map((x) => Buffer.from(x, 'hex'))
  let serial = 900000
  /** Sends one message; amounts are in fen. */
  async function send(code, body) {
    const now = new Date(Date.now() + 8 * 3600e3).toISOString().replaceAll(/\D/g, ''), own = JSON.stringify(body)
    const head = JSON.stringify({ code, serial: String(++serial), time: now.slice(8, 14), date: now.slice(4, 8), mac: mac(mak, Buffer.from(own)).toString('hex').toUpperCase() })
    const r = await fetch(desk.partner, { method: 'POST', headers: { 'content-type': 'application/json' }, body: `{"head":${head},"body":${own}}` })
    const text = await r.text()
    if (!r.ok) throw new Error(`${r.status} ${text}`)
    const answer = JSON.parse(text)
    return { ...answer.body, serial: String(serial), date: now.slice(4, 8) }
  }
  const common = (card, amount) => ({ account: { no: card, pin: pinBlock(pek, '123456', card) }, product: '000000', amount: amount / 100, currency: '156', terminal: { id: terminal, branch: '102290000000001' } })
  return {
    /** A purchase of a card at the merchant. */
    pay: (card, amount) => send('1001', common(card, amount)),
    /** Takes a purchase back as a whole; the original's batch is its date where a dialect has none. */
    reverse: (card, amount, paid) => send('2001', { ...common(card, amount), original: `00${paid.date}${paid.serial}${paid.date}` })
  }
}
