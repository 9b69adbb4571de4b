// Recycling in a real browser against the whole desk: notes that one customer puts in are paid out to
// the next, one after the other, and the staff and the console see store and cash box.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newest, openBrowser, openCounter, startDesk, until } from './desk.mjs'

let desk, browser, c

before(async () => {
  desk = await startDesk({ all: true, acceptor: 'recycler' })
  browser = await openBrowser()
  c = await openCounter(browser, desk)
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

const acceptor = async () => (await desk.device('acceptor')).physical
const unit = async (id) => (await desk.manage('operator', 'GET', '/terminals'))[0].cash.find((x) => x.id === id)
const asks = (notes) => c.page.waitForSelector(`[data-part="take"][data-notes="${notes}"]`)

async function deposit(notes, condition = 'genuine') {
  await c.deposits()
  let total = 0
  for (const value of notes) {
    await c.put(value, condition)
    await c.shows('total', `¥${(total += value)}`)
  }
  await c.tap('notes-enough')
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.takeCard()
  await c.outcome('deposited')
  await c.tap('done')
}

async function draw(yuan) {
  await c.begin('withdrawal', 'demo-5')
  await c.amount(yuan)
  await c.takeCard()
}

// req: J-03, BZ-08
test('three notes of one customer are paid to the next, one by one, and all books agree', async () => {
  const start = { device: await acceptor(), from: await desk.balance('6225880000000001'), to: await desk.balance('6225880000000005') }
  await deposit([100, 100, 100])
  const put = (await acceptor()).notes.filter((n) => n.inserted)
  assert.deepEqual(put.map((n) => n.place), ['store', 'store', 'store'])
  await until(async () => assert.equal((await unit('unit100CNY1')).count, start.device.levels[100] + 3), 'the console knows of the notes')
  await draw(300)
  for (const left of [3, 2, 1]) {
    await asks(left)
    if (left !== 2) await c.picture(left === 3 ? 'take-note' : 'take-last-note')
    await desk.soon('acceptor', 'takeNotes')
  }
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.outcome('withdrawn')
  await c.tap('done')
  const t = await newest(desk, (t) => t.kind === 'withdrawal' && t.state === 'CONFIRMED', 'confirmed')
  assert.equal(t.amount, 30000)
  const now = await acceptor()
  assert.deepEqual(now.notes.filter((n) => n.inserted).map((n) => `${n.id} ${n.place} ${n.paidOut}`), put.map((n) => `${n.id} customer true`), 'those very notes')
  assert.deepEqual(now.levels, start.device.levels)
  assert.equal(await desk.balance('6225880000000001') - start.from, 30000)
  assert.equal(start.to - await desk.balance('6225880000000005'), 30000)
  await until(async () => {
    const u = await unit('unit100CNY1')
    assert.equal(`${u.kind} ${u.count} ${u.status}`, `recycle ${start.device.levels[100]} ok`)
  }, 'the console knows that they are gone')
})

test('a note that is left stays at the mouth, and people settle it', async () => {
  await draw(100)
  await asks(1)
  await c.outcome('cashLeft')
  await c.shows('next', '请现在从存钞口取走钞票。如不取走，工作人员将代为收存，请记下参考号。') // nothing of a fault
  await c.picture('note-left')
  await c.tap('done')
  const t = await newest(desk, (t) => t.kind === 'withdrawal' && t.state === 'APPROVED', 'neither confirmed nor reversed')
  await until(async () => assert.ok((await desk.manage('operator', 'GET', '/alarms')).some((a) => a.code === 'cashLeft')), 'the console hears of it')
  await c.idle()
  await c.page.waitForSelector('[data-act="deposit"][disabled]') // nothing goes in past it
  await desk.act('acceptor', 'takeNotes')
  const command = await desk.manage('operator', 'POST', `/terminals/${desk.terminal}/commands`, { kind: 'resolve', note: 'the customer came back', args: { txn: `${t.batch}/${t.stan}`, paid: 10000 } })
  await desk.manage('admin', 'POST', `/terminals/${desk.terminal}/commands/${command.id}/agree`)
  await newest(desk, (t) => t.kind === 'withdrawal' && t.state === 'CONFIRMED', 'confirmed')
  await c.page.waitForSelector('[data-act="deposit"]:not([disabled])')
})

test('staff see the cash box and empty it, with its image before', async () => {
  await deposit([20], 'unfit') // not to be paid out again
  await until(async () => assert.equal(`${(await unit('unitcashbox')).count} ${(await unit('unitcashbox')).amount}`, '1 2000'), 'the console knows what is in the box')
  await desk.act('acceptor', 'removeCashbox')
  await c.page.waitForSelector('[data-act="deposit"][disabled]')
  await until(async () => assert.equal((await unit('unitcashbox')).status, 'missing'), 'the console sees that the box is out')
  await desk.act('acceptor', 'insertCashbox')
  await c.page.hover('[data-act="brand"]')
  await c.page.mouse.down()
  await c.screen('staff')
  await c.page.mouse.up()
  await c.tap('staff-name')
  while ((await c.page.textContent('[data-act="staff-name"] b')).trim()) await c.tap('key-back')
  const type = async (text) => {
    for (const k of text) {
      const upper = k !== k.toLowerCase()
      if (upper) await c.tap('key-shift')
      await c.page.click(`[data-act="key-${k}"]`)
      if (upper) await c.tap('key-shift')
    }
  }
  await type('operator')
  await c.tap('key-done')
  await type('Operator#2026')
  await c.tap('key-done')
  await c.page.waitForSelector('[data-device="cash"]')
  await c.tap('tab-cash')
  await c.page.waitForSelector('[data-part="box"]')
  await c.page.waitForSelector('tr[data-unit="unit100CNY1"]')
  await c.shows('box-amount', '20.00')
  await c.tap('cell-box')
  await c.tap('key-2')
  await c.tap('key-0')
  await c.tap('box-emptied')
  await c.page.waitForSelector('[data-part="box-image"].ok')
  await c.picture('staff-box')
  await c.shows('box-amount', '0.00')
  await until(async () => assert.equal((await unit('unitcashbox')).count, 0), 'the console knows that it is empty')
})

test('no script error happened in any of this', () => assert.deepEqual(c.errors, []))
