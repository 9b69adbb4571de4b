// Passbooks and new cards in a real browser against the whole desk: real processes, real bytes.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { openBrowser, openCounter, startDesk, until } from './desk.mjs'

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

// req: BZ-10
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

test('no script error happened in any of this', () => assert.deepEqual(c.errors, []))
