// Cash deposits in a real browser against the whole desk: real processes, real bytes.
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
  await desk.host('scenario', undefined).catch(() => undefined)
  await c.page.goto(desk.counter + '/')
  await desk.act('card', 'takeCard').catch(() => undefined)
  await c.idle().catch(() => undefined)
})

const demo1 = '6225880000000001'
const fen = (yuan) => yuan * 100
/** What lies in the acceptor's cash box, what the bank has booked, what the server says of the newest deposit. */
const box = async () => ((await desk.device('acceptor')).physical.notes ?? []).filter((n) => n.place === 'cashbox').reduce((sum, n) => sum + fen(n.value), 0)
const bank = async () => desk.host('invariants')
const newest = async () => (await desk.manage('operator', 'GET', '/transactions?size=5')).items.filter((x) => x.kind === 'deposit')[0]
const ended = (state, amount) => until(async () => {
  const t = await newest()
  assert.equal(`${t?.state} ${t?.amount}`, `${state} ${amount}`)
  return t
}, `the newest deposit is ${state}`)


// req: J-03, BZ-08
test('a customer deposits 300, and all four books agree', async () => {
  const before = { box: await box(), bank: await bank(), balance: await desk.balance(demo1) }
  await c.deposits()
  await c.picture('insert-notes')
  await c.put(100)
  await c.shows('total', '¥100')
  await c.put(100)
  await c.shows('total', '¥200')
  await c.put(50)
  await c.shows('total', '¥250')
  await c.put(50)
  await c.shows('total', '¥300')
  await c.picture('insert-notes-300')
  await c.tap('notes-enough')
  await c.screen('askReceipt')
  await c.tap('receipt-yes')
  await c.takeCard()
  await c.outcome('deposited')
  await c.picture('deposited')
  await c.tap('done')
  const t = await ended('CONFIRMED', 30000) // the server
  assert.equal(await box() - before.box, 30000) // the notes
  assert.equal(await desk.balance(demo1) - before.balance, 30000) // the bank
  const now = await bank()
  assert.ok(now.ok)
  assert.equal(now.deposited - before.bank.deposited, 30000)
  assert.equal(now.deposits - before.bank.deposits, 1)
  await until(async () => { // the terminal's journal
    const story = await desk.manage('operator', 'GET', `/transactions/${t.id}`)
    const closed = story.journal.map((r) => r.body ?? r).find((r) => r.kind === 'DEPOSIT_CLOSED')
    assert.equal(closed?.data?.paid, 30000)
    assert.ok(!JSON.stringify(story).includes(demo1), 'the card number is masked everywhere')
  }, 'story')
  await desk.soon('printer', 'takePaper')
})

test('a refused counterfeit comes back with a reason, and counts for nothing', async () => {
  const before = await box()
  await c.deposits()
  await c.put(100, 'counterfeit')
  await c.page.waitForSelector('[data-refused]')
  await c.picture('note-refused')
  await desk.soon('acceptor', 'takeNotes')
  await c.put(20)
  await c.shows('total', '¥20')
  assert.equal(await c.page.$('[data-refused]'), null)
  await c.tap('notes-enough')
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.takeCard()
  await c.outcome('deposited')
  await c.tap('done')
  await ended('CONFIRMED', 2000)
  assert.equal(await box() - before, 2000)
})

test('notes taken back: the last one comes out, what is stacked is credited', async () => {
  const before = { box: await box(), balance: await desk.balance(demo1) }
  await c.deposits()
  await c.put(50)
  await c.shows('total', '¥50')
  await c.tap('notes-back')
  await c.takeCard()
  await c.outcome('depositNothing')
  await c.page.waitForSelector('[data-part="returned"]')
  await c.picture('deposit-taken-back')
  await c.tap('done')
  await desk.soon('acceptor', 'takeNotes')
  await ended('VOIDED', 0)
  assert.equal(await box(), before.box)
  await c.idle()
  await c.tap('lang-en')
  await c.deposits()
  await c.put(100)
  await c.shows('total', '¥100')
  await c.put(10)
  await c.shows('total', '¥110')
  await c.picture('insert-notes-en')
  await c.tap('notes-back')
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.takeCard()
  await c.outcome('deposited')
  await c.picture('deposited-en')
  await c.tap('done')
  await desk.soon('acceptor', 'takeNotes')
  await ended('CONFIRMED', 10000)
  assert.equal(await box() - before.box, 10000)
  assert.equal(await desk.balance(demo1) - before.balance, 10000)
})

// req: UX-17
test('a silent host: the customer gets a receipt, and the credit comes later, once', async () => {
  const before = { bank: await bank(), balance: await desk.balance(demo1) }
  await c.deposits()
  await c.put(100)
  await c.shows('total', '¥100')
  await desk.host('scenario', { kind: 'lost', count: 1 })
  await desk.host('scenario', { kind: 'noAnswer', mti: '0220', count: 2 })
  await c.tap('notes-enough')
  await c.takeCard()
  await c.outcome('depositPending')
  await c.picture('deposit-pending')
  await c.tap('done')
  await desk.soon('printer', 'takePaper')
  await ended('CONFIRMED', 10000)
  const now = await bank()
  assert.equal(now.deposited - before.bank.deposited, 10000)
  assert.equal(now.deposits - before.bank.deposits, 1)
  assert.equal(await desk.balance(demo1) - before.balance, 10000)
})

test('a bank that refuses after the notes are in: a receipt, and a matter for people', async () => {
  const before = await bank()
  await c.deposits()
  await c.put(100)
  await c.shows('total', '¥100')
  await desk.host('scenario', { kind: 'decline', code: '62', count: 1 })
  await c.tap('notes-enough')
  await c.takeCard()
  await c.outcome('depositRefused')
  await c.picture('deposit-refused')
  await c.tap('done')
  await desk.soon('printer', 'takePaper')
  await ended('SUSPENSE', 10000)
  assert.equal((await bank()).deposited, before.deposited)
})

test('a page that dies with a note in escrow: the note is credited', async () => {
  const before = await desk.balance(demo1)
  await c.deposits()
  await c.put(100)
  await c.shows('total', '¥100')
  await c.page.reload()
  await c.takeCard()
  await ended('CONFIRMED', 10000)
  assert.equal(await desk.balance(demo1) - before, 10000)
  await c.page.click('[data-act="done"]', { timeout: 3000 }).catch(() => undefined)
  await c.idle()
})

test('no script error happened in any of this', () => assert.deepEqual(c.errors, []))
