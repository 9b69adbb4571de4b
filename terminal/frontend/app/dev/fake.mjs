// A developer's tool: serves dist/flows with a scripted platform, so that every screen can be
// seen without devices, drivers or a server. Not part of the product, never bundled.
//
//   node app/dev/fake.mjs [port]      then open http://127.0.0.1:8790/
//
// It obeys to what a tester says at /dev/set?key=value (see `world`), for example
// /dev/set?host=unknown, /dev/set?cash=partial, /dev/set?card=hold. Actions: /dev/do?what=takeCard
// | takeCash | link (cuts all links) | expire | pad-approve | pad-reject | keys-123456.

import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { WebSocketServer } from 'ws'

const port = Number(process.argv[2] ?? 8790)
const root = join(import.meta.dirname, '../../dist/flows')
const types = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', json: 'application/json' }
// The shell's own policy, so that a page that breaks it breaks here, too.
const csp = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://127.0.0.1:* ws://localhost:*; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

const fresh = () => ({
  host: 'approved', // approved | declined | wrongPin | capture | unknown | notSent | slow
  cash: 'presented', // presented | partial | failed | unclear | slow | retract
  card: 'auto', // auto (inserted and taken by itself) | hold (waits for /dev/do) | insert (inserted, not taken) | invalid | retain | stuck
  pin: 'auto', // auto | hold | differ
  pad: 'hold', // hold | approved | rejected | expired
  take: 'auto', // auto | hold
  noCash: '', noPrinter: '', suspended: '', noHost: '',
  idle: '60', bundle: 'd1'
})
let world = fresh()
let session = null
let media = 'notPresent'
let exit = 'empty'
let amount = 0
let sockets = new Set()
let pending = new Map()

const pause = (ms) => new Promise((r) => setTimeout(r, ms))
const shout = (service, name, payload = {}) => {
  for (const s of sockets) if (s.service === service) s.send(JSON.stringify({ header: { type: 'unsolicited', name }, payload }))
}
const info = () => {
  const base = world.suspended ? { available: false, reason: 'suspended' } : world.noHost ? { available: false, reason: 'host' } : { available: true }
  return {
    terminal: '10010001', branch: '1001', name: { zh: '解放路支行 1 号机', en: 'Jiefang Road No. 1' }, bundle: { name: 'counter', version: '1.0.0', digest: world.bundle },
    services: {
      balance: base, pinChange: base, statement: base,
      withdrawal: base.available && world.noCash ? { available: false, reason: 'noCash' } : base,
      receipt: world.noPrinter ? { available: false, reason: 'printer' } : { available: true }
    },
    limits: { padOver: 500000, perTxn: 2000000, multiple: 10000 }, timeouts: { idle: Number(world.idle), warn: 20, card: 30, cash: 30 }
  }
}

class Refused extends Error {
  constructor(code, errorCode, payload = {}) {
    super(code)
    Object.assign(this, { code, errorCode, payload })
  }
}
/** Waits until a tester does `what`, or the page cancels. */
const until = (what, call) =>
  new Promise((resolve, reject) => {
    pending.set(what, resolve)
    call.canceled = () => reject(new Refused('canceled'))
  })

const takeCard = () => {
  media = 'notPresent'
  shout('card', 'CardReader.MediaRemovedEvent')
}
const takeCash = () => {
  exit = 'empty'
  shout('cash', 'CashManagement.ItemsTakenEvent')
}
const history = Array.from({ length: 12 }, (_, i) => ({ time: `11${String(20 - i).padStart(2, '0')}0930${String(i).padStart(2, '0')}`, kind: ['ATM', 'POS', 'SAL', 'REV'][i % 4], sign: i % 4 > 1 ? 'C' : 'D', amount: [30000, 12850, 1250000, 20000][i % 4], balance: 2345678 - i * 10000 }))

const commands = {
  'X-Terminal.Info': async () => info(),
  'X-Session.Begin': async () => ({ session: (session = Math.random().toString(16).slice(2)) }),
  'X-Session.End': async () => {
    const ended = session !== null
    session = null
    if (media === 'present') {
      media = 'entering'
      if (world.card === 'auto' || world.card === 'invalid') setTimeout(takeCard, 1500)
    }
    return { ended }
  },
  'X-Session.Alive': async () => ({}),
  'X-Session.Card': async () => ({ present: true, pan: '622588******0001' }),
  'X-Log.Write': async (p) => (console.log('page', p.level, p.message, JSON.stringify(p.fields)), {}),
  'CardReader.ReadRawData': async (_, call) => {
    if (world.card === 'hold') await until('insertCard', call)
    else await pause(900)
    media = 'present'
    call.event('CardReader.MediaInsertedEvent')
    await pause(world.card === 'hold' ? 1500 : 500)
    if (world.card === 'invalid') throw new Refused('commandErrorCode', 'invalidMedia')
    return { track2: { status: '' } }
  },
  'CardReader.Move': async (p) => {
    await pause(500)
    if (p.to === 'unitRetain') return (media = 'notPresent'), {}
    if (world.card === 'stuck') throw new Refused('commandErrorCode', 'mediaJam')
    media = 'entering'
    if (world.card === 'auto' || world.card === 'invalid') setTimeout(takeCard, 1200)
    if (world.card === 'retain') setTimeout(() => ((media = 'notPresent'), shout('card', 'X-Card.RetainedEvent')), 1500)
    return {}
  },
  'Keyboard.PinEntry': async (_, call) => {
    const press = async (n) => {
      for (let i = 0; i < n; i++) await pause(120), call.event('Keyboard.KeyEvent', { completion: 'continue' })
    }
    if (world.pin === 'hold') {
      await press(3)
      await until('keys', call)
    } else await press(6)
    await pause(250)
    return { digits: 6, completion: 'enter' }
  },
  'PinPad.GetPinBlock': async (p) => (p['X-slot'] === 'confirm' ? { 'X-match': world.pin !== 'differ' } : {}),
  'CashDispenser.Denominate': async (p) => {
    if (p.request.denomination.app.currencies.CNY === 900) throw new Refused('commandErrorCode', 'notDispensable')
    return {}
  },
  'X-Pad.Request': async (_, call) => {
    call.event('X-Pad.StateEvent', { state: 'pending', expires: new Date(Date.now() + 120000).toISOString() })
    const decision = world.pad === 'hold' ? await until('pad', call) : (await pause(1200), world.pad)
    return { approval: 'A1', decision, manager: 'm1', reason: decision === 'rejected' ? { zh: '请先到柜台核对身份证件', en: 'Please have your ID checked at the counter first' } : undefined }
  },
  'X-Host.Transact': async (p) => {
    amount = p.amount
    await pause(world.host === 'slow' ? 60000 : 1200)
    const reference = '261122004217'
    const no = { txn: '000123', outcome: 'declined', reference, responseCode: '51', text: { zh: '余额不足', en: 'Insufficient funds' }, captureCard: false }
    if (world.host === 'declined') return no
    if (world.host === 'wrongPin') return (world.host = 'approved'), { ...no, responseCode: '55', text: { zh: '密码错误', en: 'Wrong PIN' } }
    if (world.host === 'capture') return { ...no, responseCode: '38', text: { zh: '密码错误次数过多，卡片已被保留', en: 'Too many wrong PINs; the card has been kept' }, captureCard: true }
    if (world.host === 'unknown') return { ...no, outcome: 'unknown', responseCode: '', reference: '' }
    if (world.host === 'notSent') return { ...no, outcome: 'notSent', responseCode: '', reference: '' }
    return { txn: '000123', outcome: 'approved', responseCode: '00', reference, text: { zh: '成功', en: 'OK' }, balance: { available: 2345678, ledger: 2350000 }, statement: p.type === 'statement' ? history : undefined }
  },
  'CashDispenser.Dispense': async () => {
    await pause(world.cash === 'slow' ? 60000 : 1800)
    if (world.cash === 'failed') throw new Refused('hardwareError', '', { 'X-paid': 0, 'X-cash': 'notDispensed' })
    if (world.cash === 'unclear') throw new Refused('hardwareError', '', { 'X-paid': 0, 'X-cash': 'unclear' })
    exit = 'notEmpty'
    if (world.cash === 'retract') setTimeout(() => ((exit = 'empty'), shout('cash', 'X-Cash.RetractedEvent', { cash: 'retracted' })), 2500)
    else if (world.take === 'auto') setTimeout(takeCash, 2000)
    if (world.cash === 'partial') throw new Refused('commandErrorCode', 'cashUnitError', { 'X-paid': amount - 10000, 'X-cash': 'presented' })
    return { 'X-paid': amount, 'X-cash': 'presented' }
  },
  'CashDispenser.GetPresentStatus': async () => ({ presentState: exit === 'empty' ? 'notPresented' : 'presented', denomination: { currencies: { CNY: amount / 100 } } }),
  'Printer.PrintForm': async () => (await pause(1200), {})
}
const status = { card: () => ({ cardReader: { media } }), cash: () => ({ cashDispenser: { positions: [{ position: 'outDefault', positionStatus: exit }] } }) }

const actions = {
  takeCard,
  takeCash,
  insertCard: () => pending.get('insertCard')?.(),
  expire: () => pending.get('pad')?.('expired'),
  'pad-approve': () => pending.get('pad')?.('approved'),
  'pad-reject': () => pending.get('pad')?.('rejected'),
  keys: () => pending.get('keys')?.(),
  link: () => {
    down = Date.now() + 2500
    for (const s of sockets) s.terminate()
  }
}
let down = 0

const server = createServer(async (req, res) => {
  const url = new URL(req.url, 'http://x')
  const json = (v) => res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(JSON.stringify(v))
  if (url.pathname === '/shell/config.json') return json({ platform: { url: `ws://127.0.0.1:${port}`, token: 'dev' }, bundle: { digest: world.bundle }, start: '/flows/counter/' })
  if (url.pathname === '/shell/heartbeat') return req.resume(), res.writeHead(204).end()
  if (url.pathname === '/dev/reset') return (world = fresh()), (session = null), (media = 'notPresent'), (exit = 'empty'), (down = 0), pending.clear(), shout('platform', 'X-Terminal.ChangedEvent'), json(world)
  if (url.pathname === '/dev/set') return Object.assign(world, Object.fromEntries(url.searchParams)), shout('platform', 'X-Terminal.ChangedEvent'), json(world)
  if (url.pathname === '/dev/do') return actions[url.searchParams.get('what')]?.(), json({ media, exit, session })
  const file = normalize(url.pathname.replace(/^\/flows\/[^/]+/, '')).replace(/^[/.]+/, '') || 'index.html'
  try {
    const body = await readFile(join(root, file))
    res.writeHead(200, { 'Content-Type': types[file.split('.').pop()] ?? 'application/octet-stream', ...(file === 'index.html' ? { 'Content-Security-Policy': csp } : {}) }).end(body)
  } catch {
    res.writeHead(404).end()
  }
})

const wss = new WebSocketServer({ noServer: true })
server.on('upgrade', (req, socket, head) => {
  if (Date.now() < down) return socket.destroy()
  wss.handleUpgrade(req, socket, head, (ws) => {
    ws.service = /xfs4iot\/v1\.0\/(\w+)\//.exec(req.url)?.[1]
    sockets.add(ws)
    const running = new Map()
    ws.on('close', () => sockets.delete(ws))
    ws.on('message', async (text) => {
      const { header, payload = {} } = JSON.parse(text)
      const { name, requestId } = header
      const say = (type, extra, body) => ws.readyState === 1 && ws.send(JSON.stringify({ header: { type, name, requestId, ...extra }, payload: body }))
      if (name === 'Common.Cancel') {
        for (const id of payload.requestIds ?? []) running.get(id)?.canceled?.()
        return say('completion', {}, {})
      }
      const call = { event: (n, p = {}) => ws.send(JSON.stringify({ header: { type: 'event', name: n, requestId }, payload: p })) }
      running.set(requestId, call)
      say('acknowledge')
      try {
        const run = name === 'Common.Status' ? async () => status[ws.service]?.() ?? {} : commands[name]
        if (!run) throw new Refused('unsupportedCommand')
        say('completion', { completionCode: 'success' }, await run(payload, call))
      } catch (e) {
        say('completion', { completionCode: e.code ?? 'internalError' }, { ...e.payload, errorCode: e.errorCode })
      }
      running.delete(requestId)
    })
  })
})
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`))
