// Transfers at the counter: a small one goes at once, a large one passes the remote teller in the console and the
// lobby manager on the Pad. Real processes, real pages, the customer's hands on the counter.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { id, newest, openBrowser, openCounter, openPage, passwords, pictures, startDesk, until } from './desk.mjs'

const payee = '6225880000000005'
let desk, browser, c, teller, pad

before(async () => {
  desk = await startDesk({ all: true })
  browser = await openBrowser()
  c = await openCounter(browser, desk)
  teller = await openPage(browser, desk, 'teller')
  pad = await openPage(browser, desk, 'manager', { app: 'pad', size: { width: 1280, height: 800 } })
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

afterEach(async (t) => {
  if (!c || t.passed) return
  await c.page.goto(desk.counter + '/')
  await c.idle().catch(() => undefined)
})

/** The screen on both panels, with a picture of the usual one; nothing may be cut off or lie over the edge. */
async function pictured(name, both = false) {
  for (const [width, height] of [[1920, 1080], [1280, 1024]]) {
    await c.page.setViewportSize({ width, height })
    await c.page.waitForTimeout(150)
    const over = await c.page.evaluate(() => [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().bottom > innerHeight + 1).length)
    assert.equal(over, 0, `${name} at ${width}`)
    if (width === 1280 || both) await c.picture(width === 1280 ? name : `${name}-1920`)
  }
}

async function type(digits, confirm) {
  for (const d of digits) await c.tap(`key-${d === '.' ? 'dot' : d}`)
  await c.tap(confirm)
}

/** From the first screen to the last question before the money moves. */
async function asks(yuan, card = 'demo-1', shot = async () => undefined) {
  await c.begin('transfer', card)
  await c.screen('enterPayee')
  await shot('transfer-payee')
  await type(payee, 'payee-confirm')
  await c.screen('transferAmount')
  await type(String(yuan), 'amount-confirm')
  await c.screen('confirmTransfer')
  assert.match(await c.page.textContent('[data-part="name"]'), /\*七/)
  await shot('transfer-confirm')
}

const large = 60000
const step = (name, state) => c.page.waitForSelector(`[data-step="${name}"][data-state="${state}"]`)

/** Shows the identity card; the teller's turn comes. */
async function identifies() {
  await c.screen('placeIdCard')
  await desk.soon('idreader', 'placeCard', {})
  await c.screen('caseWait')
  await step('review', 'current')
  await desk.soon('idreader', 'removeCard')
}

async function opens() {
  await teller.click(`${id('case-row')} >> nth=0`)
  await teller.waitForSelector(id('case-decide'))
}

async function reviews() {
  await opens()
  assert.match(await teller.textContent(id('case')), /6225880000000005/)
  await teller.fill(id('case-password'), passwords.teller)
  await teller.click(id('case-approve'))
}

async function approves() {
  await pad.click(id('approval'))
  await pad.waitForSelector(id('approve'))
  await pad.click(id('seen'))
  await pad.fill(`${id('password')} input, input${id('password')}`, passwords.manager)
  await pad.click(id('approve'))
}

async function signs() {
  await c.screen('sign')
  const box = await c.page.locator('[data-part="field"]').boundingBox()
  const to = (x, y) => c.page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 8 })
  await to(0.3, 0.3)
  await c.page.mouse.down()
  await to(0.45, 0.7)
  await to(0.6, 0.3)
  await c.page.mouse.up()
}

async function leaves(outcome) {
  await c.takeCard()
  await c.outcome(outcome)
}

/** The newest case at the server, as the teller sees it. */
const newestCase = async () => (await desk.manage('teller', 'GET', '/cases'))[0]

test('a small transfer goes at once, to the fen, to whom the bank has named', async () => {
  const [from, to] = [await desk.balance('6225880000000001'), await desk.balance(payee)]
  await c.begin('transfer')
  await c.screen('enterPayee')
  await type('12345678', 'payee-confirm') // nobody's
  await c.page.waitForSelector('[data-refused="unknown"]')
  await pictured('transfer-refused')
  await c.tap('key-clear')
  await type(payee, 'payee-confirm')
  await c.screen('transferAmount')
  await type('300.05', 'amount-confirm')
  await c.screen('confirmTransfer')
  await c.tap('transfer-change')
  await c.screen('enterPayee')
  await c.tap('payee-confirm')
  await c.screen('transferAmount')
  await c.tap('amount-confirm')
  await pictured('transfer-confirm', true)
  await c.tap('transfer-confirm')
  await c.screen('askReceipt')
  await c.tap('receipt-yes')
  await leaves('transferred')
  await pictured('transferred')
  await c.tap('done')
  assert.equal(await desk.balance('6225880000000001'), from - 30005)
  assert.equal(await desk.balance(payee), to + 30005)
  const t = await newest(desk, (x) => x.kind === 'transfer' && x.state === 'CONFIRMED', 'the transfer in the console')
  assert.doesNotMatch(JSON.stringify(await desk.manage('operator', 'GET', `/transactions/${t.id}`)), new RegExp(payee), 'the account is masked everywhere')
})

// req: TX-19
test('a large transfer passes the teller, the manager and the customer, and goes once', async () => {
  const [from, to] = [await desk.balance('6225880000000006'), await desk.balance(payee)]
  await asks(large, 'demo-6')
  await c.tap('transfer-confirm')
  await identifies()
  await pictured('transfer-wait', true)
  await reviews()
  await step('approve', 'current')
  await approves()
  await signs()
  await pictured('transfer-sign')
  await c.tap('sign-confirm')
  await c.pin()
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await leaves('transferred')
  await c.tap('done')
  assert.equal(await desk.balance('6225880000000006'), from - large * 100)
  assert.equal(await desk.balance(payee), to + large * 100)
  await until(async () => assert.equal((await newestCase()).state, 'used'), 'the case is used')
})

test('a customer who withdraws is asked nothing more, and nor is anybody else', async () => {
  await asks(large, 'demo-6')
  await c.tap('transfer-confirm')
  await identifies()
  await c.tap('cancel')
  await leaves('canceled')
  await c.tap('done')
  await until(async () => assert.equal((await newestCase()).state, 'withdrawn'), 'the case is withdrawn')
})

test('what the teller refuses ends with the reason, in English', async () => {
  const from = await desk.balance('6225880000000006')
  await c.idle()
  await c.tap('lang-en')
  await asks(large, 'demo-6', (name) => pictured(`${name}-en`))
  await c.tap('transfer-confirm')
  await identifies()
  await pictured('transfer-wait-en')
  await opens()
  await teller.click(id('case-reject'))
  await teller.selectOption(id('case-reason'), 'ReasonDocuments')
  await teller.fill(id('case-note'), '证件照片不清晰')
  await teller.click(id('case-reject-go'))
  await leaves('caseRefused')
  await pictured('transfer-case-refused-en')
  await c.tap('done')
  assert.equal(await desk.balance('6225880000000006'), from)
})

test('without an answer the customer gets the reference, and the money comes back', async () => {
  const from = await desk.balance('6225880000000001')
  await asks(200)
  await desk.host('scenario', { kind: 'noAnswer', count: 1 })
  await c.tap('transfer-confirm')
  await leaves('transferUnknown')
  assert.notEqual(await c.page.textContent('[data-part="reference"]'), '')
  await pictured('transfer-unknown')
  await c.tap('done')
  await newest(desk, (x) => x.kind === 'transfer' && x.state === 'REVERSED', 'the transfer is taken back')
  assert.equal(await desk.balance('6225880000000001'), from)
})

test('the first screen with every service fits', async () => {
  await c.idle()
  await c.page.waitForSelector('[data-act="passbook"]:not([disabled])')
  await pictured('idle-all')
})

test('no page had an error', () => assert.deepEqual(c.errors, []))
