// A large deposit in a real browser: above the configured sum the lobby manager is asked before more
// notes are taken.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openBrowser, openCounter, passwords, startDesk, until } from './desk.mjs'

let desk, browser, c

before(async () => {
  desk = await startDesk({ all: true, 'pad-over': 20000 })
  browser = await openBrowser()
  c = await openCounter(browser, desk)
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

const asked = () => until(async () => {
  const list = await desk.manage('manager', 'GET', '/approvals?pending=true')
  assert.equal(list.length, 1)
  return list[0]
}, 'the Pad is asked')

async function reach() {
  await c.deposits()
  await c.put(100)
  await c.shows('total', '¥100')
  await c.put(100)
  await c.shows('total', '¥200')
  await c.page.waitForSelector('[data-manager="waiting"]')
  await assert.rejects(desk.act('acceptor', 'insertNote', { value: 100 }), 'the mouth is closed')
  return asked()
}

async function leave() {
  await c.tap('notes-enough')
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.takeCard()
  await c.outcome('deposited')
  await c.tap('done')
}

test('the manager agrees, and more notes are taken', async () => {
  const before = await desk.balance('6225880000000001')
  const a = await reach()
  assert.equal(`${a.kind} ${a.amount}`, 'deposit 20000')
  await c.picture('deposit-manager')
  await desk.manage('manager', 'POST', `/approvals/${a.id}/approve`, { password: passwords.manager, seenInPerson: true })
  await c.put(100)
  await c.shows('total', '¥300')
  await leave()
  await until(async () => assert.equal(await desk.balance('6225880000000001') - before, 30000), 'credited')
})

test('the manager refuses: what is in is credited, and no more is taken', async () => {
  const before = await desk.balance('6225880000000001')
  const a = await reach()
  await desk.manage('manager', 'POST', `/approvals/${a.id}/reject`, { code: 'ReasonAmount', note: '' })
  await c.page.waitForSelector('[data-manager="no"]')
  await leave()
  await until(async () => assert.equal(await desk.balance('6225880000000001') - before, 20000), 'credited')
})

test('no script error happened in any of this', () => assert.deepEqual(c.errors, []))
