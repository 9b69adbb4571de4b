// Passbooks and new cards in a real browser against the whole desk: real processes, real bytes.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { id, openBrowser, openCounter, openPage, passwords, pictures, startDesk, until } from './desk.mjs'

let desk, browser, c

before(async () => {
  desk = await startDesk({ all: true })
  browser = await openBrowser()
  c = await openCounter(browser, desk)
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

const available = (flow) => c.page.waitForSelector(`[data-act="${flow}"]:not([disabled])`)

/** Deposits n notes of 100 into the account of demo-1, so that its passbook has lines to print. */
async function deposits(n) {
  for (let i = 0; i < n; i++) {
    await c.idle()
    await c.tap('deposit')
    await c.insert()
    await c.pin()
    await c.screen('insertNotes')
    await desk.soon('acceptor', 'insertNote', { value: 100, condition: 'genuine' })
    await until(async () => assert.equal((await c.page.textContent('[data-part="total"]')).replace(/\s/g, ''), '¥100'), 'the note is counted')
    await c.tap('notes-enough')
    await c.screen('askReceipt')
    await c.tap('receipt-no')
    await c.takeCard()
    await c.outcome('deposited')
    await c.tap('done')
  }
}

/** What is printed on the pages of the book used last. */
const pages = async () => (await desk.device('passbook')).physical.pages
const lines = (page) => page.split('\n').filter((l) => /存款/.test(l))

async function updates(name, page = 1) {
  await c.idle()
  await available('passbook')
  await c.tap('passbook')
  await c.screen('insertPassbook')
  await desk.soon('passbook', 'insertPassbook', { book: name, page })
}

test('the first screen with every service fits', async () => {
  await c.idle()
  await available('passbook')
  await c.picture('idle-all')
})

test('a passbook gets its lines once, and the stripe says how far', async () => {
  await deposits(2)
  await updates('book-1')
  await c.outcome('passbookUpdated')
  assert.match(await c.page.textContent('[data-part="what"]'), /2/)
  await c.picture('passbook-updated')
  await c.tap('done')
  await desk.soon('passbook', 'takePassbook')
  assert.equal(lines((await pages())[0]).length, 2)
  await updates('book-1')
  await c.outcome('passbookNothing')
  await c.tap('done')
  await desk.soon('passbook', 'takePassbook')
})

test('a page that is full is turned by the customer', async () => {
  await deposits(1)
  await desk.act('passbook', 'newPassbook', { book: 'nearly-full', stripe: '6225880000000001=24=00000000' })
  await c.idle()
  await available('passbook')
  await c.tap('passbook')
  await c.screen('insertPassbook')
  await c.picture('insert-passbook')
  await desk.soon('passbook', 'insertPassbook', { book: 'nearly-full', page: 1 })
  await until(async () => assert.match(await c.page.textContent('h1'), /翻到下一页/), 'the page asks for the next one')
  await c.picture('turn-page')
  await desk.soon('passbook', 'takePassbook')
  await desk.soon('passbook', 'insertPassbook', { book: 'nearly-full', page: 2 })
  await c.outcome('passbookUpdated')
  await c.tap('done')
  await desk.soon('passbook', 'takePassbook')
  assert.deepEqual((await pages()).map((p) => lines(p).length).slice(0, 3), [0, 1, 0]) // the bank knew of two
})

test('a passbook of another bank comes back with a reason', async () => {
  await desk.act('passbook', 'newPassbook', { book: 'foreign', stripe: '123456' })
  await updates('foreign')
  await c.outcome('passbookInvalid')
  await c.picture('passbook-invalid')
  await c.tap('done')
  await desk.soon('passbook', 'takePassbook')
})

test('a bank that does not answer prints nothing, and a later update prints all', async () => {
  await deposits(1)
  await desk.host('scenario', { kind: 'noAnswer', count: 1 })
  await updates('book-1')
  await c.outcome('passbookNoAnswer')
  await c.picture('passbook-no-answer')
  await c.tap('done')
  await desk.soon('passbook', 'takePassbook')
  await updates('book-1')
  await c.outcome('passbookUpdated')
  await c.tap('done')
  await desk.soon('passbook', 'takePassbook')
})

/** The lobby manager's Pad, signed in. */
async function openPad() {
  const pad = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage()
  pad.setDefaultTimeout(30000)
  await pad.goto(`${desk.pages}/pad/`)
  await pad.fill(`${id('login-name')} input, input${id('login-name')}`, 'manager')
  await pad.fill(`${id('login-password')} input, input${id('login-password')}`, passwords.manager)
  await pad.click(id('login-submit'))
  return pad
}

async function approves(pad) {
  await pad.click(id('approval'))
  await pad.waitForSelector(id('approve'))
  await pad.screenshot({ path: join(pictures, 'pad-new-card.png') })
  await pad.click(id('seen'))
  await pad.fill(`${id('password')} input, input${id('password')}`, passwords.manager)
  await pad.click(id('approve'))
}

async function pinTwice(digits = '246810') {
  for (const slot of ['new', 'confirm']) {
    await c.page.waitForSelector(`[data-slot="${slot}"]`)
    await c.pin(digits)
  }
}

/** Signs on the glass with the mouse. */
async function signs() {
  await c.screen('sign')
  const box = await c.page.locator('[data-part="field"]').boundingBox()
  const to = (x, y) => c.page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 6 })
  for (const stroke of [[[0.3, 0.3], [0.4, 0.7], [0.5, 0.3]], [[0.55, 0.6], [0.6, 0.4], [0.66, 0.62], [0.7, 0.35]]]) {
    await to(...stroke[0])
    await c.page.mouse.down()
    for (const p of stroke.slice(1)) await to(...p)
    await c.page.mouse.up()
  }
  await c.picture('sign')
  await c.tap('sign-confirm')
}

/** From the first screen to the PIN of the new card. */
async function identified(pad) {
  await c.idle()
  await available('cardIssue')
  await c.tap('cardIssue')
  await c.screen('placeIdCard')
  await c.picture('place-id-card')
  await desk.soon('idreader', 'placeCard', {})
  await c.screen('enterPhone')
  await desk.soon('idreader', 'removeCard')
  for (const d of '13800000000') await c.tap(`key-${d}`)
  await c.picture('enter-phone')
  await c.tap('phone-confirm')
  await signs()
  await c.screen('managerWait')
  await c.picture('manager-wait-card')
  await approves(pad)
}

const account = async (card) => (await desk.host('accounts')).find((a) => a.card === card)
/** Where the blank cards are by now: with customers, in the bin, in the stacker. */
const cards = async () => {
  const p = (await desk.device('cards')).physical
  return `${p.taken?.length ?? 0} ${p.bin} ${p.stacker}`
}
const newestIssue = async () => (await desk.manage('operator', 'GET', '/transactions?size=10')).items.filter((t) => t.kind === 'cardIssue')[0]

// req: BZ-08
test('a new card: identity, manager, PIN twice, the bank, and the card in the hand', async () => {
  const pad = await openPad()
  await identified(pad)
  await pinTwice()
  await c.screen('takeCard')
  await c.picture('take-new-card')
  await desk.soon('cards', 'takeCard')
  await c.outcome('cardIssued')
  await c.picture('card-issued')
  await c.tap('done')
  await until(async () => assert.equal((await newestIssue())?.state, 'CONFIRMED'), 'the server has the hand-over')
  assert.equal((await account('6225880000002001')).status, 'ok')
  assert.equal(await cards(), '1 0 49')
  const t = await newestIssue()
  const story = JSON.stringify(await desk.manage('operator', 'GET', `/transactions/${t.id}`))
  assert.match(story, /HANDED_OVER/)
  assert.doesNotMatch(story, /6225880000002001|13800000000/, 'number and phone are masked everywhere')
  await pad.context().close()
})

const openConsole = (user, at) => openPage(browser, desk, user, { at, size: { width: 1440, height: 900 } })

test('the console shows what the customer has signed', async () => {
  const t = await newestIssue()
  const page = await openConsole('operator', `/transactions/${t.id}`)
  await until(async () => {
    await page.click(id('signature-look'))
    await page.waitForSelector(id('signature-picture'), { timeout: 1000 })
  }, 'the signature has come')
  assert.equal(await page.locator(`${id('signature-picture')} path`).count(), 2, 'two strokes')
  await page.locator(id('signature')).screenshot({ path: join(pictures, 'console-signature.png') })
  await page.context().close()
})

test('the console takes the counter out of service and back, and money needs two', async () => {
  const { terminal } = await newestIssue()
  const page = await openConsole('operator', `/terminals/${terminal}`)
  const give = async (kind) => {
    await page.click(id('command-new'))
    await page.selectOption(`select${id('command-kind')}`, kind)
    await page.fill(id('command-note'), '测试')
    await page.click(id('command-go'))
  }
  const first = (kind, state) => page.waitForSelector(`${id('command')}[data-kind="${kind}"][data-state="${state}"]`)
  await c.idle()
  await give('suspend')
  await first('suspend', 'done')
  await c.screen('outOfService')
  await give('resume')
  await first('resume', 'done')
  await c.idle()
  await give('boxEmptied')
  await first('boxEmptied', 'proposed')
  const second = await openConsole('admin', `/terminals/${terminal}`)
  await second.click(id('command-agree'))
  await first('boxEmptied', 'done')
  await page.locator(id('commands')).screenshot({ path: join(pictures, 'console-commands.png') })
  await second.context().close()
  await page.context().close()
})

test('a new card that nobody takes is kept, and the bank takes it back', async () => {
  const pad = await openPad()
  await identified(pad)
  await pinTwice()
  await c.screen('takeCard')
  await c.outcome('issueKept')
  await c.picture('issue-kept')
  await c.tap('done')
  await until(async () => assert.equal((await newestIssue())?.state, 'REVERSED'), 'the server has taken it back')
  assert.equal((await account('6225880000002002')).status, 'void')
  assert.equal(await cards(), '1 1 48')
  await pad.context().close()
})

test('a bank that does not answer: no card leaves, and none is active', async () => {
  const pad = await openPad()
  await identified(pad)
  await desk.host('scenario', { kind: 'noAnswer', count: 1 })
  await pinTwice()
  await c.outcome('issueUnknown')
  await c.picture('issue-unknown')
  await c.tap('done')
  await until(async () => assert.equal((await account('6225880000002003')).status, 'void'), 'the bank has it as void')
  await until(async () => assert.equal(await cards(), '1 2 47'), 'the blank card is in the bin')
  await pad.context().close()
})

test('an identity card that fails its check ends before a card is drawn', async () => {
  await c.idle()
  await available('cardIssue')
  await desk.act('idreader', 'armFault', { code: '33', stage: 'before-motion', times: 5 })
  await c.tap('cardIssue')
  await c.screen('placeIdCard')
  await desk.soon('idreader', 'placeCard', {})
  await c.outcome('identityFailed')
  await c.picture('identity-failed')
  await c.tap('done')
  await desk.act('idreader', 'clearFaults')
  await desk.soon('idreader', 'removeCard')
  assert.equal(await cards(), '1 2 47')
})

test('a page that dies with a blank card drawn: the card is put aside', async () => {
  const pad = await openPad()
  await identified(pad)
  await c.screen('enterPin')
  await c.page.reload()
  await until(async () => assert.equal(await cards(), '1 3 46'), 'the blank card is in the bin')
  await until(async () => assert.equal((await account('6225880000002004')).status, 'void'), 'the bank knows that its number is spent')
  await c.page.click('[data-act="done"]', { timeout: 5000 }).catch(() => undefined)
  await c.idle()
  await pad.context().close()
})

test('no script error happened in any of this', () => assert.deepEqual(c.errors, []))
