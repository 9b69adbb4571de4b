// How the counter's screens look, without a platform behind them: in both languages, both sizes and both
// types nothing is cut, lies under another part or is too small to touch.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { join, resolve } from 'node:path'
import { openBrowser } from './desk.mjs'

const frontend = resolve(import.meta.dirname, '../../terminal/frontend')
let server, browser, url

before(async () => {
  const { createServer } = await import(join(frontend, 'node_modules/vite/dist/node/index.js'))
  server = await createServer({ configFile: join(frontend, 'app/vite.config.ts'), server: { host: '127.0.0.1', port: 0, hmr: false }, logLevel: 'error' })
  await server.listen()
  url = `http://127.0.0.1:${server.httpServer.address().port}/dev/screens.html`
  browser = await openBrowser()
})

after(async () => {
  await browser?.close()
  await server?.close()
})

const T = (zh, en) => ({ zh, en })
const person = { name: '张**', number: '990101********0015' }
const choices = (...list) => list.map(([zh, en], i) => ({ value: String(i), title: T(zh, en) }))
const soon = () => new Date(Date.now() + 100000).toISOString()

/** The screens with the most that they may have to show: flow, screen, params. */
const screens = () => [
  ['', 'idle', {}],
  ['withdrawal', 'insertCard', {}],
  ['withdrawal', 'chooseAmount', { multiple: 5000, perTxn: 2000000, padOver: 500000, refused: 'notDispensable' }],
  ['withdrawal', 'managerWait', { kind: 'withdrawal', amount: 2000000, since: Date.now(), expires: soon() }],
  ['withdrawal', 'takeCard', { cashFollows: true, seconds: 30 }],
  ['withdrawal', 'takeCash', { amount: 2000000, seconds: 30, partial: true }],
  ['withdrawal', 'takeCash', { notes: 12, keeps: true }],
  ['withdrawal', 'takeCash', { notes: 1, keeps: true, amount: 30000, seconds: 30 }],
  ['withdrawal', 'enterPin', { slot: 'current', stars: 6, wrong: true }],
  ['withdrawal', 'askReceipt', {}],
  ['deposit', 'insertNotes', { credited: 0, escrow: 0, notes: 0, limit: 5000000 }],
  ['deposit', 'insertNotes', { credited: 2000000, escrow: 10000, notes: 201, limit: 5000000 }],
  ['deposit', 'insertNotes', { credited: 2000000, escrow: 0, notes: 200, limit: 5000000, manager: 'asked' }],
  ['deposit', 'insertNotes', { credited: 2000000, escrow: 0, notes: 200, limit: 5000000, manager: 'no' }],
  ['deposit', 'insertNotes', { credited: 2000000, escrow: 10000, notes: 201, limit: 5000000, refused: 'counterfeit' }],
  ['cardIssue', 'placeIdCard', {}],
  ['cardIssue', 'enterPhone', { person, typed: '0138', refused: true }],
  ['cardIssue', 'managerWait', { kind: 'cardIssue', amount: 0, since: Date.now(), expires: soon() }],
  ['cardIssue', 'enterPin', { slot: 'new', stars: 3 }],
  ['cardIssue', 'takeCard', { issued: true, seconds: 30 }],
  ['passbook', 'insertPassbook', {}],
  ['passbook', 'insertPassbook', { turn: true }],
  ['passbook', 'insertPassbook', { turn: true, reading: true }],
  ['ticket', 'choose', { title: T('请选择要办理的业务', 'What would you like to do?'), options: choices(['个人业务', 'Personal banking'], ['对公业务', 'Business banking'], ['理财咨询', 'Investments']) }],
  ['formFill', 'choose', { title: T('请选择要填写的申请', 'Which form would you like to fill in?'), options: choices(['开立账户', 'Open an account'], ['变更手机号码', 'Change of mobile number'], ['换卡、补卡', 'Replace a card'], ['书面挂失', 'Report a loss in writing']) }]
]

const outcome = (kind) => ['withdrawal', 'outcome', {
  kind, reference: '632623000006', paid: 1234500, amount: 2000000, lines: 12, number: 'B012', seconds: 40, card: 'retained', printed: true, returned: kind.startsWith('deposit') ? 10000 : 0,
  text: T('余额不足，或超过发卡银行的限额', 'Insufficient funds, or above the limit of the card issuer'), reason: T('请先到柜台核对身份证件', 'Please have your ID checked at the counter first')
}]

/** What is wrong with what the page shows now. */
function wrong() {
  const out = []
  const main = document.querySelector('main').getBoundingClientRect()
  const say = (what, e) => out.push(`${what}: ${e.tagName} ${e.textContent.trim().slice(0, 40)}`)
  for (const e of document.querySelectorAll('main *')) {
    const r = e.getBoundingClientRect()
    if (e.closest('svg') || !r.width || !r.height) continue
    const words = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())
    if ((words || e.tagName === 'BUTTON') && (r.bottom > main.bottom + 2 || r.right > innerWidth + 1 || r.left < -1 || r.top < main.top - 2)) say('outside', e)
    if (words && e.clientWidth && (e.scrollWidth > e.clientWidth + 2 || e.scrollHeight > e.clientHeight + 2) && (getComputedStyle(e).overflow !== 'visible' || e.tagName === 'BUTTON')) say('cut', e)
    if (e.tagName === 'BUTTON' && (r.width < 44 || r.height < 44)) say('too small to touch', e)
  }
  return [...new Set(out)]
}

for (const [width, height] of [[1280, 1024], [1920, 1080]]) {
  test(`nothing is cut at ${width} × ${height}`, { timeout: 180000 }, async () => {
    const page = await browser.newPage({ viewport: { width, height } })
    const found = []
    page.on('pageerror', (e) => found.push(`error: ${e.message}`))
    await page.goto(url)
    await page.waitForFunction(() => window.show)
    const all = [...screens(), ...(await page.evaluate(() => window.kinds)).map(outcome)]
    for (const lang of ['zh', 'en']) {
      for (const large of [false, true]) {
        for (const one of all) {
          await page.evaluate((a) => window.show(...a), [lang, large, ...one])
          for (const f of await page.evaluate(wrong)) found.push(`${lang}${large ? ' large' : ''} ${one[1]} ${one[2].kind ?? ''}: ${f}`)
        }
      }
    }
    assert.deepEqual(found, [])
    await page.close()
  })
}
