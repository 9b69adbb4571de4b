// The bank's own staff at the counter: operator mode in a real browser against the whole desk
// with every device.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
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

const hold = async () => {
  await c.page.hover('[data-act="brand"]')
  await c.page.mouse.down()
  await c.screen('staff')
  await c.page.mouse.up()
}
const type = async (text) => {
  for (const k of text) {
    const upper = k !== k.toLowerCase()
    if (upper) await c.tap('key-shift')
    await c.page.click(`[data-act="key-${k}"]`)
    if (upper) await c.tap('key-shift')
  }
}
const signIn = async (name, password) => {
  await c.tap('staff-name')
  while ((await c.page.textContent('[data-act="staff-name"] b')).trim()) await c.tap('key-back')
  await type(name)
  await c.tap('key-done')
  await type(password)
  await c.tap('key-done')
}
const cell = async (unit, field, n) => {
  await c.tap(`cell-${unit}-${field}`)
  for (const d of String(n)) await c.tap(`key-${d}`)
}
const withdrawals = async () => (await desk.manage('operator', 'GET', '/transactions?size=5')).items.length

// req: G-05
test('staff sign in by holding the mark, with a password that the server checks', async () => {
  await c.idle()
  await c.tap('brand') // a customer's touch does nothing
  await hold()
  await signIn('operator', 'wrong1')
  await c.page.waitForFunction(() => document.querySelector('[data-part="staff-why"]')?.textContent.includes('不正确'))
  await c.picture('staff-sign-in')
  await signIn('manager', 'Manager#2026')
  await c.page.waitForFunction(() => document.querySelector('[data-part="staff-why"]')?.textContent.includes('权限'))
  await signIn('operator', 'Operator#2026')
  await c.page.waitForSelector('[data-device="cash"]')
})

// req: G-05, T-14
test('every device is tested, and the printer prints its slip', async () => {
  await c.tap('test-all')
  await c.page.waitForFunction(() => [...document.querySelectorAll('tr[data-device]')].every((r) => r.querySelectorAll('[data-step]').length >= 2) && !document.querySelector('[data-act="test-all"][disabled]'))
  assert.equal(await c.page.locator('.steps .no').count(), 0, await c.page.locator('table').innerText())
  await c.picture('staff-devices')
  const tickets = (await desk.device('printer')).physical.tickets
  assert.ok(JSON.stringify(tickets).includes('自检'), 'the slip')
})

// req: G-04
test('an exchange keeps both images, prints a slip and shows the difference', async () => {
  await c.tap('tab-cash')
  await desk.act('printer', 'takePaper').catch(() => undefined)
  await cell('unit1', 'counted', 498)
  await cell('unit1', 'added', 2)
  await cell('unit2', 'counted', 500)
  await c.tap('exchange')
  await c.page.waitForSelector('[data-part="images"]')
  await c.picture('staff-cash')
  const rows = await c.page.locator('[data-part="images"] tr').allInnerTexts()
  assert.match(rows[1], /unit1\s+500\s+500\s+-2/)
  assert.match(rows[2], /unit2\s+500\s+500\s+0/)
  await until(async () => {
    const alarms = await desk.manage('operator', 'GET', '/alarms')
    assert.ok(alarms.some((a) => a.code === 'cashDifference'), JSON.stringify(alarms))
  }, 'the difference reaches the console')
})

// req: G-04
test('blank cards are drawn and handed in, and the balance follows', async () => {
  await c.tap('tab-stock')
  await c.tap('item-cards')
  const count = (n) => c.page.waitForFunction((n) => document.querySelector('[data-count="cards"]')?.textContent === n, String(n))
  const move = async (kind, n) => {
    await c.tap(`move-${kind}`)
    for (const d of String(n)) await c.tap(`key-${d}`)
    await c.tap('stock-book')
  }
  await move('draw', 100)
  await count(100)
  await move('handIn', 90)
  await count(10)
  await move('handIn', 11)
  await c.page.waitForSelector('[data-part="stock-why"]')
  await count(10)
  await c.picture('staff-stock')
  await until(async () => assert.ok((await desk.manage('operator', 'GET', '/alarms')).some((a) => a.code === 'stockShort')), 'the shortage reaches the console')
})

// req: G-05
test('the journal is read, and leaving puts the counter back into service', async () => {
  await c.tap('tab-journal')
  await c.page.waitForSelector('tr[data-kind="STOCK"]')
  await c.picture('staff-journal')
  assert.ok((await c.page.locator('tr[data-kind="COUNTS"]').count()) >= 2)
  await c.tap('staff-leave')
  await c.idle()
  await c.begin()
  await c.amount(300)
  await c.takeCard()
  await c.takeCash()
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.outcome('withdrawn')
  assert.equal(await withdrawals(), 1)
  await c.tap('done')
})

test('in English and on a wide screen nothing is clipped', async () => {
  await c.idle()
  await c.page.setViewportSize({ width: 1920, height: 1080 })
  await c.tap('lang-en')
  await hold()
  await signIn('operator', 'Operator#2026')
  await c.page.waitForSelector('[data-device="cash"]')
  await c.picture('staff-devices-en')
  await c.tap('staff-leave')
  assert.deepEqual(c.errors, [])
})
