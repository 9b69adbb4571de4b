// What a customer sees for each fault, in a real browser against the whole desk: the fault is armed
// at the virtual device by the maker's number, and the counter is in service again afterwards.
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

const quietly = (device, action, body) => desk.act(device, action, body).catch(() => undefined)

// A person puts everything right, as an engineer would.
afterEach(async (t) => {
  if (!c) return
  if (!t.passed) await c.page.goto(desk.counter + '/')
  for (const d of ['card', 'cash', 'pinpad', 'printer', 'acceptor', 'passbook']) {
    await quietly(d, 'clearFaults')
    await quietly(d, 'powerRestore')
    await quietly(d, 'portReturn')
  }
  for (const [d, action, body] of [['card', 'takeCard'], ['cash', 'takeCash'], ['printer', 'takePaper'], ['printer', 'loadPaper'], ['printer', 'setCover', { open: false }], ['acceptor', 'clearJam'], ['acceptor', 'takeNotes'], ['passbook', 'clearPath'], ['passbook', 'takePassbook']])
    await quietly(d, action, body)
})

const arm = (device, code, stage = 'before-motion', command = '') => desk.act(device, 'armFault', { code, stage, times: 1, ...(command && { command }) })

const now = () => c.page.evaluate(() => document.querySelector('[data-outcome]')?.dataset.outcome ?? [...document.querySelectorAll('[data-screen]')].map((x) => x.dataset.screen).join(' '))

/** Does what the screens ask for until the outcome is told, ends it, and sees the counter idle again. */
async function over(kind, picture) {
  await until(async () => {
    const at = await now()
    if (at === 'takeCard') await quietly('card', 'takeCard')
    if (at === 'takeCash') await quietly('cash', 'takeCash')
    if (at === 'askReceipt') await c.page.click('[data-act="receipt-yes"]', { timeout: 1000 }).catch(() => undefined)
    assert.equal(at, kind)
  }, `the customer reads ${kind}`)
  if (picture) await c.picture(`fault-${picture}`)
  await c.tap('done')
}

const withdraw = async () => {
  await until(async () => assert.equal(await now(), 'idle'), 'idle')
  await c.begin()
  await c.amount(300)
}

/** Each row: the fault, when it strikes, and what the customer reads in the end. */
const faults = [
  ['the card cannot be read', () => arm('card', 'CHIP-MUTE', 'mid-motion'), async () => { await c.idle(); await c.tap('balance'); await c.insert() }, 'cardInvalid', 'card-unreadable'],
  ['the card reader\'s line is cut while it waits', undefined, async () => { await c.idle(); await c.tap('balance'); await c.screen('insertCard'); await desk.act('card', 'portVanish') }, 'cardFailed', 'card-reader'],
  ['the PIN pad refuses to take a PIN', () => arm('pinpad', 'EF', 'before-motion', '6'), async () => { await c.idle(); await c.tap('balance'); await c.insert() }, 'pinFailed', 'pin-pad'],
  ['a jam before a note came out', () => arm('cash', '33'), withdraw, 'cashFailed', 'cash-jam'],
  ['the host declines: not enough money', undefined, async () => { await c.begin('withdrawal', 'demo-2'); await c.amount(300) }, 'declined', 'declined'],
  ['the host says that the card is to be kept', () => desk.host('scenario', { kind: 'decline', code: '41', count: 1 }), withdraw, 'cardKept', 'card-kept'],
  ['the answer of the host is forged', () => desk.host('scenario', { kind: 'badMac', count: 1 }), withdraw, 'unknown', 'unknown'],
  ['a query without an answer', () => desk.host('scenario', { kind: 'noAnswer', count: 1 }), () => c.begin('balance'), 'unknownQuery'],
  ['the paper ends under the receipt', () => arm('printer', 'PE', 'mid-motion'), withdraw, 'withdrawn', 'paper-end'],
  ['the passbook jams', () => arm('passbook', '2', 'before-motion', 'TEXT'), async () => {
    await c.idle(); await c.tap('passbook'); await c.screen('insertPassbook'); await desk.soon('passbook', 'insertPassbook', { book: 'book-1', page: 1 })
  }, 'passbookFailed', 'passbook-jam'],
  ['the passbook\'s stripe has a bad character', () => arm('passbook', 'STRIPE'), async () => {
    await c.idle(); await c.tap('passbook'); await c.screen('insertPassbook'); await desk.soon('passbook', 'insertPassbook', { book: 'book-1', page: 1 })
  }, 'passbookInvalid']
]

// req: UX-16, UX-17
for (const [name, fault, business, kind, picture] of faults)
  test(`${name}: the customer reads "${kind}"`, { timeout: 90000 }, async () => {
    await fault?.()
    await business()
    await over(kind, picture)
  })

/** Faults that are there before a customer comes: the service is not offered, and says why. */
const standing = [
  ['the cash module\'s line is cut', ['cash', 'portVanish'], 'withdrawal'],
  ['the PIN pad has no power', ['pinpad', 'powerCut'], 'balance'],
  ['the passbook printer has no power', ['passbook', 'powerCut'], 'passbook'],
  ['the acceptor\'s cash box is out', ['acceptor', 'removeCashbox'], 'deposit']
]
// req: UX-18
for (const [name, [device, action], flow] of standing)
  test(`${name}: ${flow} is not offered, with the reason`, { timeout: 60000 }, async () => {
    await desk.act(device, action)
    await c.page.waitForSelector(`[data-why="${flow}"], [data-screen="outOfService"]`)
    await c.picture(`standing-${device}`)
    await quietly(device, action === 'portVanish' ? 'portReturn' : action === 'powerCut' ? 'powerRestore' : 'insertCashbox')
    await c.page.waitForSelector(`[data-act="${flow}"]:not([disabled])`)
  })

// Last: until somebody has counted, the counter takes nothing more in.
test('the acceptor jams with a note inside: the customer reads "depositUnclear"', { timeout: 90000 }, async () => {
  await arm('acceptor', 'EA', 'mid-motion')
  await c.idle(); await c.tap('deposit'); await c.insert(); await c.pin(); await c.screen('insertNotes')
  await desk.soon('acceptor', 'insertNote', { value: 100, condition: 'genuine' })
  await c.page.waitForSelector('[data-part="total"]')
  await until(async () => assert.match((await c.page.textContent('[data-part="total"]')).replace(/\s/g, ''), /¥100/), 'the note is counted')
  await c.tap('notes-enough')
  await over('depositUnclear', 'acceptor-jam')
  await c.page.waitForSelector('[data-why="deposit"]')
})

// Last: until somebody has counted, the counter pays out nothing more.
test('a jam while notes come out: the customer reads "cashUnclear"', { timeout: 90000 }, async () => {
  await arm('cash', '35', 'mid-motion')
  await withdraw()
  await over('cashUnclear', 'cash-unclear')
  await c.page.waitForSelector('[data-why="withdrawal"]')
})

test('no script error happened in any of this', () => assert.deepEqual(c.errors, []))
