// The counter in a real browser against the whole desk: real processes, real bytes.
import assert from 'node:assert/strict'
import { execSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { after, afterEach, before, test } from 'node:test'
import { newest, openBrowser, openCounter, pictures, startDesk, until } from './desk.mjs'

let desk, browser, c

before(async () => {
  desk = await startDesk()
  browser = await openBrowser()
  c = await openCounter(browser, desk)
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

// Whatever a test left behind, the next one begins at an idle counter.
afterEach(async (t) => {
  if (!c || t.passed) return
  await c.page.goto(desk.counter + '/')
  await desk.act('card', 'takeCard').catch(() => undefined)
  await c.idle().catch(() => undefined)
})

const demo1 = '6225880000000001'
const given = async () => Object.values((await desk.device('cash')).physical.units).reduce((n, u) => n + u.taken * u.value * 100, 0)

// req: UX-03, T-02
test('a customer draws 300: card first, then cash, and all books agree', async () => {
  const before = await desk.balance(demo1)
  await c.idle()
  await c.picture('idle-zh')
  await c.tap('withdrawal')
  await c.screen('insertCard')
  await c.picture('insert-card')
  await c.insert()
  await c.screen('enterPin')
  await desk.soon('pinpad', 'pressKeys', { keys: '1234' })
  await c.picture('enter-pin')
  await desk.soon('pinpad', 'pressKeys', { keys: '56E' })
  await c.screen('chooseAmount')
  await c.picture('choose-amount')
  await c.amount(300)
  await c.screen('takeCard')
  assert.equal(await given(), 0, 'no note before the card is taken')
  await c.picture('take-card')
  await c.takeCard()
  await c.screen('takeCash')
  await c.picture('take-cash')
  await c.takeCash()
  await c.screen('askReceipt')
  await c.tap('receipt-yes')
  await c.outcome('withdrawn')
  await c.picture('withdrawn')
  await c.tap('done')
  const t = await newest(desk, (t) => t.state === 'CONFIRMED', 'confirmed')
  assert.equal(t.amount, 30000)
  assert.equal(await given(), 30000)
  assert.equal(await desk.balance(demo1), before - 30000)
  await until(async () => {
    const story = await desk.manage('operator', 'GET', `/transactions/${t.id}`)
    assert.ok(story.journal.length >= 4, 'the terminal journal has arrived')
    assert.ok(!JSON.stringify(story).includes(demo1), 'the card number is masked everywhere')
  }, 'story')
  const receipt = await fetch(`${desk.devices}/api/devices/printer/receipts/1.png`)
  assert.equal(receipt.status, 200)
  writeFileSync(`${pictures}/receipt.png`, Buffer.from(await receipt.arrayBuffer()))
  await desk.soon('printer', 'takePaper')
})

test('the balance shows what the bank has, in English too', async () => {
  await c.idle()
  await c.tap('lang-en')
  await c.picture('idle-en')
  await c.begin('balance')
  await c.screen('balance')
  await c.picture('balance-en')
  assert.match(await c.page.textContent('[data-screen="balance"]'), /19,700\.00/)
  await c.tap('done')
  await c.takeCard()
  await c.idle()
})

// req: UX-04
test('cash that is not taken goes back and waits for a count', async () => {
  const before = await given()
  await c.begin()
  await c.amount(100)
  await c.takeCard()
  await c.screen('takeCash')
  await c.outcome('cashRetracted')
  await c.picture('cash-retracted')
  await c.tap('done')
  assert.equal(await given(), before)
  const cash = (await desk.device('cash')).physical
  assert.equal(cash.exit?.length ?? 0, 0, 'nothing lies at the exit')
  assert.ok(cash.rejected >= 1, 'the note is in the reject tray')
})

test('a jam before anything came out is reversed', async () => {
  const before = await desk.balance(demo1)
  await desk.act('cash', 'armFault', { code: '33', stage: 'before-motion', times: 1 })
  await c.begin()
  await c.amount(200)
  await c.takeCard()
  await c.outcome('cashFailed')
  await c.picture('cash-failed')
  await c.tap('done')
  await newest(desk, (t) => t.state === 'REVERSED', 'reversed')
  assert.equal(await desk.balance(demo1), before)
})

// req: UX-17
test('a silent host ends in a polite screen and a reversal', async () => {
  const before = await desk.balance(demo1)
  await desk.host('scenario', { kind: 'noAnswer', count: 1 })
  await c.begin()
  await c.amount(100)
  await c.takeCard()
  await c.outcome('unknown')
  await c.picture('host-silent')
  await c.tap('done')
  await newest(desk, (t) => t.state.startsWith('REVERS'), 'reversed')
  await until(async () => assert.equal(await desk.balance(demo1), before), 'balance')
})

test('the statement lists what happened, newest business included', async () => {
  await c.begin('statement')
  await c.screen('statement')
  await c.picture('statement')
  assert.match(await c.page.textContent('[data-screen="statement"]'), /300\.00/)
  await c.tap('done')
  await c.takeCard()
  await c.idle()
})

test('a new PIN works and the old one does not; nothing of either is in any log', async () => {
  await c.idle()
  await c.tap('pinChange')
  await c.insert('demo-2')
  await c.pin('123456')
  await c.pin('271828')
  await c.pin('271828')
  await c.takeCard()
  await c.outcome('pinChanged')
  await c.tap('done')
  await c.idle()
  await c.tap('balance')
  await c.insert('demo-2')
  await c.pin('123456')
  await c.pin('271828') // the old one was wrong: asked again
  await c.screen('balance')
  await c.tap('done')
  await c.takeCard()
  await c.idle()
  const logs = execSync(`cat ${desk.dir}/log/*.log`, { maxBuffer: 1 << 28 }).toString()
  for (const secret of ['271828', '6225880000000002']) assert.ok(!logs.includes(secret), `${secret} is in a log`)
})

test('three wrong PINs keep the card', async () => {
  await c.idle()
  await c.tap('balance')
  await c.insert('demo-5')
  for (let i = 0; i < 3; i++) await c.pin('999999')
  await c.outcome('cardKept')
  await c.picture('card-kept')
  await c.tap('done')
  assert.equal((await desk.device('card')).physical.position === 'inside', false)
})

test('cancel gives the card back', async () => {
  await c.begin()
  await c.screen('chooseAmount')
  await c.tap('cancel')
  await c.takeCard()
  await c.tap('done').catch(() => undefined)
  await c.idle()
})

// req: UX-19
test('a page that dies in the middle comes back by itself with the card', async () => {
  await c.begin()
  await c.screen('chooseAmount')
  await c.page.reload()
  await c.takeCard()
  await c.idle()
})

// req: UX-19, J-01
test('a platform that dies under a customer: a controlled screen, then the card back', async () => {
  await c.begin()
  await c.screen('chooseAmount')
  execSync(`pkill -9 -f '${desk.bin}/[p]latformd'`)
  await c.screen('recovering')
  await c.picture('recovering')
  await until(() => desk.act('card', 'takeCard'), 'the card comes back', 60000)
  await c.page.waitForSelector('[data-outcome="interrupted"], [data-screen="idle"]', { timeout: 60000 })
  await c.page.click('[data-act="done"]', { timeout: 3000 }).catch(() => undefined)
  await c.idle()
})

// req: UX-01, UX-02
test('a customer who does nothing is warned in time, may go on, and gets the card back in the end', async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1024 } })
  await c.page.goto('about:blank') // one page at a time
  await page.clock.install()
  const slow = await openCounter({ newPage: async () => page }, desk)
  await slow.begin()
  await slow.screen('chooseAmount')
  await page.clock.runFor(59000)
  assert.equal(await page.$('[data-screen="warn"]'), null, 'not warned too early')
  await page.clock.runFor(3000)
  await slow.screen('warn')
  await slow.picture('time-out-warning')
  await slow.tap('more')
  await page.waitForSelector('[data-screen="warn"]', { state: 'detached' })
  await page.clock.runFor(62000)
  await slow.screen('warn')
  await page.clock.runFor(21000)
  await slow.takeCard()
  await page.clock.runFor(40000)
  await slow.screen('idle')
  await page.close()
  await c.page.goto(desk.counter + '/')
  await c.idle()
})

test('a driver that dies is replaced and the counter goes on', async () => {
  execSync(`pkill -9 -f '[d]riverd creatorcrt350n'`)
  await c.begin('balance')
  await c.screen('balance')
  await c.tap('done')
  await c.takeCard()
  await c.idle()
})

test('no script error happened in any of this', () => assert.deepEqual(c.errors, []))
