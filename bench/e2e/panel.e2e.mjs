// The panel of the virtual devices in a real browser: the card reader's main menu and its dialogs, as a
// tester uses them, with the counter's driver on the other end of the line.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openBrowser, openCounter, pictures, startDesk, until } from './desk.mjs'

let desk, browser, page, c
const errors = []

before(async () => {
  desk = await startDesk({ 'card-time': '60s' }) // a card that a tester leaves at the mouth is still there when looked at
  browser = await openBrowser()
  page = await browser.newPage({ viewport: { width: 1600, height: 1000 } })
  page.setDefaultTimeout(15000)
  page.on('pageerror', (e) => errors.push(e.message))
  await page.goto(desk.devices + '/')
  await page.waitForSelector('[data-device="card"] [data-item="CardInfo"]')
  c = await openCounter(browser, desk)
  await c.idle()
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

// A person's finger stays on the button for a while; the panel draws all the time.
const item = (name) => page.click(`[data-device="card"] [data-item="${name}"]`, { delay: 250 })
const dialog = (name) => page.waitForSelector(`[data-win="${name}"]`)
const gone = (name) => page.waitForSelector(`[data-win="${name}"]`, { state: 'detached' })
const close = async (name) => {
  await page.click(`[data-win="${name}"] .x`)
  await gone(name)
}
const reader = () => desk.device('card')

// req: VD-05, VD-06
test('the main menu has its nine items, and CommandSet does nothing', async () => {
  assert.deepEqual(await page.$$eval('[data-device="card"] [data-item]', (l) => l.map((x) => x.dataset.item)), ['CardInfo', 'Status', 'ErrorSimulating', 'InsertCard', 'TakeCard', 'CommandSet', 'OpenClose', 'AboutVirDev', 'ExitProgram'])
  await page.$eval('[data-item="CommandSet"]', (x) => x.click())
  assert.equal(await page.$$eval('[data-win]', (l) => l.length), 0)
})

// req: VD-13
test('AboutVirDev says what this is and whose', async () => {
  await item('AboutVirDev')
  const text = await (await dialog('AboutVirDev')).textContent()
  assert.match(text, /版权/)
  assert.match(text, /crt350n|Creator|CRT-350/i)
  await close('AboutVirDev')
})

// req: VD-11, VD-30
test('CardInfo adds, changes and deletes cards, which InsertCard then offers', async () => {
  await item('CardInfo')
  await dialog('CardInfo')
  const box = (name, value) => page.fill(`[data-win="CardInfo"] [name="${name}"]`, value)
  await box('name', 'panel-1')
  await box('note', '新卡')
  await box('track2', '6225880000000001=49122010000012300000')
  await page.click('[data-win="CardInfo"] [name="save"]')
  const offered = async () => (await reader()).physical.cards.filter((k) => k.name === 'panel-1').map((k) => k.note)
  await until(async () => assert.deepEqual(await offered(), ['新卡']), 'added')
  await page.click('[data-win="CardInfo"] .cards button:has-text("panel-1")')
  await box('note', '改过')
  await page.click('[data-win="CardInfo"] [name="save"]')
  await until(async () => assert.deepEqual(await offered(), ['改过']), 'changed')
  await item('InsertCard')
  await dialog('InsertCard')
  assert.ok((await page.$$eval('[data-win="InsertCard"] option', (l) => l.map((o) => o.value))).includes('panel-1'))
  await close('InsertCard')
  await page.click('[data-win="CardInfo"] .cards button:has-text("panel-1")')
  await page.click('[data-win="CardInfo"] [name="delete"]')
  await until(async () => assert.deepEqual(await offered(), []), 'deleted')
  await close('CardInfo')
})

// req: VD-08, VD-17, VD-18, VD-26
test('InsertCard is there at any time, shrinks to the top when it is closed, and comes back by a double click', async () => {
  await item('InsertCard')
  await dialog('InsertCard')
  assert.ok(await page.isDisabled('[data-win="InsertCard"] [name="insert"]'), 'no command was received')
  await page.click('[data-win="InsertCard"] .x')
  const small = await dialog('InsertCardSmall')
  assert.ok((await small.boundingBox()).y < 60, 'it is at the top')
  await small.dblclick()
  await dialog('InsertCard')
})

// req: VD-07, VD-15, VD-16, VD-19, VD-20
test('a command pops the dialog up, inserting hides it, and the card is taken when a person takes it', async () => {
  await c.tap('balance')
  await page.waitForSelector('[data-win="InsertCard"] [name="insert"]:not([disabled])')
  await page.screenshot({ path: `${pictures}/panel-insert.png` })
  await page.selectOption('[data-win="InsertCard"] select', 'demo-1')
  await page.click('[data-win="InsertCard"] [name="insert"]')
  await gone('InsertCard')
  await c.screen('enterPin')
  await c.page.click('[data-act="cancel"]')
  await c.screen('takeCard')
  await item('TakeCard')
  await dialog('TakeCard')
  await page.click('[data-win="TakeCard"] [name="notTake"]')
  await gone('TakeCard')
  assert.equal((await reader()).physical.position, 'mouth')
  await item('TakeCard')
  await page.click('[data-win="TakeCard"] [name="take"]')
  await gone('TakeCard')
  assert.equal((await reader()).physical.position, 'outside')
  await c.outcome('canceled')
  await c.tap('done')
  await c.idle()
})

// req: VD-09, VD-27, VD-28
test('ErrorSimulating arms an error by number and name, and says when it struck', async () => {
  await item('ErrorSimulating')
  const win = await dialog('ErrorSimulating')
  const codes = await win.$$eval('[name="code"] option', (l) => l.map((o) => o.textContent))
  assert.ok(codes.some((x) => x.startsWith('1283 ')), codes.join())
  await page.selectOption('[data-win="ErrorSimulating"] [name="code"]', '1283')
  await page.click('[data-win="ErrorSimulating"] [name="arm"]')
  await until(async () => assert.match(await page.textContent('[data-win="ErrorSimulating"] .armed'), /1283/), 'armed')
  assert.match(await page.textContent('[data-device="card"] footer'), /1283/, 'the armed list is always there')
  await page.screenshot({ path: `${pictures}/panel-errors.png` })
  await page.click('[data-win="ErrorSimulating"] .armed .x')
  await until(async () => assert.equal((await reader()).armed.length, 0), 'taken back')
  await close('ErrorSimulating')
})

// req: VD-10, VD-29
test('Status shows and changes the states by drop-down lists', async () => {
  await item('Status')
  await dialog('Status')
  const [first] = (await reader()).statuses
  const other = first.options.find((o) => o.value !== first.value).value
  assert.equal(await page.$eval(`[data-win="Status"] [name="${first.name}"]`, (x) => x.tagName), 'SELECT')
  await page.selectOption(`[data-win="Status"] [name="${first.name}"]`, other)
  const is = (value) => until(async () => assert.equal((await reader()).statuses[0].value, value), `${first.name} is ${value}`)
  await is(other)
  await page.selectOption(`[data-win="Status"] [name="${first.name}"]`, first.value)
  await is(first.value)
  await close('Status')
})

// req: VD-12
test('CloseDevice becomes OpenDevice, and a closed device does not answer', async () => {
  const label = () => page.textContent('[data-device="card"] [data-item="OpenClose"] b')
  assert.equal(await label(), 'CloseDevice')
  await item('OpenClose')
  await until(async () => assert.equal(await label(), 'OpenDevice'), 'the label')
  await c.page.waitForSelector('[data-act="balance"][disabled], [data-screen="outOfService"]')
  await item('OpenClose')
  await until(async () => assert.equal(await label(), 'CloseDevice'), 'the label')
  await c.idle()
})

test('no script error happened in any of this', () => {
  assert.deepEqual([...errors, ...c.errors], [])
})
