// The console's pages of the online-transaction switch, in a real browser against the whole desk: live
// figures, a silent host and its reversals, a host's book with differences, blocks, message formats.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { id, openBrowser, openCounter, openPage, pictures, shape, startDesk, until } from './desk.mjs'

let desk, browser, c, page
const errors = []
const openConsole = (user, at) => openPage(browser, desk, user, { at, errors })

before(async () => {
  desk = await startDesk({ all: false })
  browser = await openBrowser()
  c = await openCounter(browser, desk)
  page = await openConsole('operator', '/switch')
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

/** In each size nothing may stick out of the window, no table out of its panel, and no tab lie on another. */
async function fits(name, p = page, each = async () => undefined) {
  await p.waitForSelector('.el-message', { state: 'detached' })
  for (const [width, height] of [[1280, 1024], [1920, 1080]]) {
    await p.setViewportSize({ width, height })
    await p.evaluate(() => window.scrollTo(0, 0))
    await p.waitForTimeout(400) // the chart follows
    assert.deepEqual(await shape(p), { page: 0, tables: [], bar: false }, `${name} at ${width}`)
    await each(width)
  }
  await p.setViewportSize({ width: 1280, height: 1024 })
}

/** A picture in each size. */
const picture = (name) => fits(name, page, (width) => page.screenshot({ path: join(pictures, `${name}-${width}.png`), fullPage: true }))

/** Withdraws; the host answers or not. */
async function withdraw(yuan, silent = false) {
  await c.begin()
  await c.amount(yuan)
  await c.takeCard()
  if (!silent) {
    await c.takeCash()
    await c.screen('askReceipt')
    await c.tap('receipt-no')
  }
  await c.outcome(silent ? 'unknown' : 'withdrawn')
  await c.tap('done')
}

const number = async (selector, p = page) => Number((await p.textContent(selector)).trim())
const meter = (key, v) => number(`${id('meter-row')}[data-key="${key}"] [data-v="${v}"]`)

// req: UX-21, UX-20
test('a withdrawal is in the figures and in the chart, by channel, host and product', async () => {
  await page.waitForSelector(`${id('host')}[data-name="core"][data-state="up"]`)
  const answered = () => number(`${id('host')}[data-name="core"] [data-v="answered"]`)
  const had = await answered()
  await withdraw(300)
  await until(async () => assert.ok((await meter('', 'approved')) >= 1), 'the meter counts it')
  const all = { count: await meter('', 'count'), approved: await meter('', 'approved') }
  assert.equal(await meter('', 'doubt'), 0)
  await until(async () => assert.ok((await answered()) > had), 'the host has answered it')
  await until(async () => assert.equal(Number(await page.getAttribute(id('meter-chart'), 'data-requests')), await meter('', 'count')), 'the chart has them when their step is over')
  await page.click(id('meter-by-product'))
  await until(async () => assert.equal(await meter('withdrawal', 'approved'), 1), 'one withdrawal')
  await page.click(`${id('meter-row')}[data-key="withdrawal"]`)
  await until(async () => assert.equal(await page.getAttribute(id('meter-chart'), 'data-requests'), '1'), 'the chart has the chosen product only')
  await page.click(id('meter-by-host'))
  await until(async () => assert.ok((await meter('core', 'approved')) >= 1), 'by host')
  await page.click(id('meter-by-all'))
  await page.click(id('meter-15'))
  await until(async () => assert.ok((await meter('', 'count')) >= all.count), 'fifteen minutes')
  await page.click(id('meter-5'))
  await picture('console-switch')
})

test('a silent host: the reversal queues, is seen, is told again and drains', async () => {
  await desk.host('scenario', { kind: 'lost', count: 1 })
  await desk.host('scenario', { kind: 'lost', mti: '0420', count: 0 })
  await withdraw(200, true)
  await page.waitForSelector(`${id('queue')}[data-depth="1"]`)
  assert.equal(await number(id('queue-depth')), 1)
  await page.waitForSelector(`${id('abnormal-row')}[data-state="REVERSAL_PENDING"]`)
  await until(async () => assert.equal(await meter('', 'doubt'), 1), 'the meter has it in doubt')
  await until(async () => assert.ok((await number(`${id('host')}[data-name="core"] [data-v="timeouts"]`)) >= 1), 'the host has a time-out')
  const txn = await page.getAttribute(id('queue-row'), 'data-id')
  await picture('console-switch-silent')
  const r = await fetch(`${desk.bank}/api/scenario`, { method: 'DELETE' })
  assert.ok(r.ok)
  await page.click(id('queue-retry'), { timeout: 3000 }).catch(() => undefined) // it may have gone meanwhile
  await page.waitForSelector(`${id('queue')}[data-depth="0"]`, { timeout: 60000 })
  assert.equal((await page.textContent(id('queue-drain'))).trim(), '已清空')
  const t = (await desk.manage('operator', 'GET', `/transactions/${txn}`)).transaction
  assert.match(t.state, /^REVERS(ED|AL_NOT_FOUND)$/)
  await page.goto(`${desk.pages}/console/#/transactions/${txn}`)
  await page.waitForSelector('text=报文说了什么？')
})

const day = new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10) // of China
const bookOf = async (spoil = '') => Buffer.from(await (await fetch(`${desk.bank}/api/book?format=core&day=${day.slice(5).replace('-', '')}${spoil}`)).arrayBuffer())
async function upload(buffer, name = 'book.txt') {
  await page.setInputFiles(id('book-file'), { name, mimeType: 'text/plain', buffer })
}

// req: TX-16
test("a host's book is compared: agreement first, then what differs and what to do", async () => {
  await page.goto(`${desk.pages}/console/#/reconciliation`)
  await page.waitForSelector(`${id('book-host')} option`, { state: 'attached' })
  await upload(Buffer.from('this is no book\n'))
  await page.waitForSelector(id('book-error'))
  assert.ok((await page.textContent(id('book-error'))).length > 10, 'the server says why')
  await upload(await bookOf())
  await page.waitForSelector(`${id('run')}[data-book="host"]`)
  const run = (v) => number(`${id('run')}[data-book="host"] [data-v="${v}"]`)
  assert.equal(await run('ours'), await run('theirs'))
  assert.equal(await page.locator(`${id('difference')}[data-book="host"]`).count(), 0)
  await upload(await bookOf('&spoil=missing&spoil=extra'))
  await page.waitForSelector(`${id('difference')}[data-class="oursOnly"]`)
  await page.waitForSelector(`${id('difference')}[data-class="theirsOnly"]`)
  const text = await page.textContent(`${id('difference')}[data-class="oursOnly"]`)
  for (const x of ['短款', '300.00', '清算人员', '下一步']) assert.ok(text.includes(x), `${x} in ${text}`)
  assert.match(await page.textContent(`${id('difference')}[data-class="theirsOnly"]`), /长款[^]*42\.00/)
  const line = (v) => page.textContent(`${id('report-line')}[data-level="product"][data-kind="withdrawal"] [data-v="${v}"]`)
  assert.equal(await line('count'), '2')
  assert.equal(await line('amount'), '300.00')
  const [file] = await Promise.all([page.waitForEvent('download'), page.click(id('report-csv'))])
  const csv = readFileSync(await file.path(), 'utf8')
  assert.match(csv, /取款,2,1,0,1,0,300\.00/)
  await picture('console-reconciliation')
})

test('a difference that the next book does not show is held until another person agrees', async () => {
  const row = `${id('difference')}[data-class="oursOnly"]`
  await upload(await bookOf(), 'corrected.txt')
  await page.waitForSelector(`${row}[data-state="absent"]`)
  assert.match(await page.textContent(id('absent')), /core 的新账本（operator 对账）不再显示 1 笔差异[^]*另一位人员/)
  assert.ok(await page.isDisabled(id('absent-agree')), 'not by who compared it')
  await picture('console-reconciliation-absent')
  const admin = await openConsole('admin', '/reconciliation')
  await admin.click(id('absent-agree'))
  await admin.waitForSelector(id('absent'), { state: 'detached' })
  await admin.waitForSelector(row, { state: 'detached' })
  await admin.context().close()
  await upload(await bookOf('&spoil=missing&spoil=extra')) // and there it is again, with nobody's word
  await page.waitForSelector(`${row}[data-state="open"]`)
})

test('one person proposes, another settles', async () => {
  const row = `${id('difference')}[data-class="oursOnly"]`
  const settle = async (p, note) => {
    await p.click(`${row} ${id('difference-settle')}`)
    await p.fill(id('settle-note'), note)
    await p.click(id('settle-go'))
  }
  await settle(page, '已请主机查证')
  await page.waitForSelector(`${row}[data-state="proposed"]`)
  await page.click(`${row} ${id('difference-settle')}`)
  await page.waitForSelector(`${id('settle-go')}[disabled]`) // not by the same person
  await page.waitForSelector(id('settle-first'))
  await page.waitForTimeout(400) // the dialog's own movement
  await page.screenshot({ path: join(pictures, 'console-reconciliation-settle.png') })
  const admin = await openConsole('admin', '/reconciliation')
  await settle(admin, '主机已补记账')
  await admin.waitForSelector(row, { state: 'detached' })
  await admin.click(id('recon-all'))
  await admin.waitForSelector(`${row}[data-state="settled"]`)
  assert.match(await admin.textContent(`${row} ${id('difference-note')}`), /主机已补记账 \(operator, admin\)/)
  await admin.context().close()
  await page.reload()
})

test('a manager sees the own branch, and nothing of the switch', async () => {
  const manager = await openConsole('manager', '/reconciliation')
  await manager.waitForSelector(`${id('report-line')}[data-level="all"]`)
  for (const x of ['runs', 'book-file', 'difference-settle']) assert.equal(await manager.locator(id(x)).count(), 0, x)
  assert.equal(await manager.locator('nav a[href="#/switch"]').count(), 0)
  await manager.context().close()
})

test('a card is blocked, its withdrawal is refused, and it is lifted', async () => {
  await page.goto(`${desk.pages}/console/#/blocks`)
  await page.fill(id('block-subject'), '6225880000000001')
  await page.fill(id('block-note'), '客户电话挂失')
  await page.click(id('block-add'))
  const row = `${id('block-row')}[data-name="622588******0001"]`
  await page.waitForSelector(row)
  assert.ok(!(await page.content()).includes('6225880000000001'), 'the number is nowhere on the page')
  await picture('console-blocks')
  const { total } = await desk.manage('operator', 'GET', '/transactions?size=1')
  await c.begin()
  await c.amount(100)
  await c.takeCard()
  await c.outcome('declined')
  await c.tap('done')
  assert.equal((await desk.manage('operator', 'GET', '/transactions?size=1')).total, total, 'nothing was begun')
  await page.click(`${row} ${id('block-lift')}`)
  await page.fill(id('lift-note'), '客户本人解除')
  await page.fill(id('lift-number'), '6225880000000002')
  assert.ok(await page.isDisabled(id('lift-go')), 'another card')
  await page.fill(id('lift-number'), '6225880000000001')
  await page.click(id('lift-go'))
  await page.waitForSelector(row, { state: 'detached' })
})

test('a message format is edited: bytes live, masked reading, and a fault at its line', async () => {
  await page.goto(`${desk.pages}/console/#/formats`)
  await page.waitForSelector(id('format-ok'))
  const bytes = () => page.getAttribute(id('format-hex'), 'data-hex').then((h) => Buffer.from(h ?? '', 'hex').toString('latin1'))
  await until(async () => assert.match(await bytes(), /CORE[^]*0000000000300\.00/), 'the sample is packed')
  assert.match(await page.textContent(id('format-described')), /622588\*{6}0001/)
  await picture('console-formats')
  const good = await page.inputValue(id('format-yaml'))
  await page.fill(id('format-yaml'), good.replace('const: "CORE"', 'const: "BANK"'))
  await until(async () => assert.match(await bytes(), /BANK/), 'another constant is in the bytes at once')
  const [file] = await Promise.all([page.waitForEvent('download'), page.click(id('format-save'))])
  assert.equal(file.suggestedFilename(), 'corefixed.yaml')
  await page.fill(id('format-yaml'), good.replace('canon: amount, type: n', 'canon: amount, type: number'))
  const line = String(good.slice(0, good.indexOf('canon: amount')).split('\n').length)
  await page.waitForSelector(`${id('format-yaml-box')}[data-line="${line}"]`)
  assert.match(await page.textContent(id('format-yaml-fault')), new RegExp(`^${line}:\\d+ type must be`))
  await page.screenshot({ path: join(pictures, 'console-formats-fault.png') })
  await page.fill(id('format-yaml'), good)
  await page.waitForSelector(id('format-ok'))
  await page.fill(id('format-sample'), (await page.inputValue(id('format-sample'))).replace('"000017"', '"12345678"'))
  await page.waitForSelector(`${id('format-sample-box')}[data-line="7"]`)
  await page.selectOption(id('format-name'), 'cups128')
  await page.fill(id('format-sample'), (await page.inputValue(id('format-sample'))).replace('"12345678"', '"000017"'))
  await until(async () => assert.match(await page.textContent(id('format-described')), /^cups128 0200[^]*002 pan/), 'an 8583 format')
  const described = await page.textContent(id('format-described'))
  await page.click(id('format-read'))
  await until(async () => { assert.ok((await page.inputValue(id('format-message'))).length > 40); assert.equal(await page.textContent(id('format-described')), described) }, 'its own bytes are read again')
  await page.fill(id('format-message'), 'ff')
  await page.waitForSelector(id('format-message-fault'))
})

test('an administrator stores a format as a draft, and head office opens it', async () => {
  const admin = await openConsole('admin', '/formats')
  await admin.waitForSelector(id('format-ok'))
  assert.ok(await admin.isDisabled(id('format-store')), 'a built-in name')
  await admin.fill(id('format-yaml'), (await admin.inputValue(id('format-yaml'))).replace('name: corefixed', 'name: hrbank'))
  await admin.click(`${id('format-store')}:not([disabled])`)
  await admin.waitForSelector(`${id('format-use')}[data-from="draft"]`)
  assert.match(await admin.textContent(id('format-use')), /\/formats\/hrbank\.yaml/)
  await fits('formats, a draft', admin)
  await page.reload()
  await page.waitForSelector(id('format-ok'))
  assert.equal(await page.locator(id('format-store')).count(), 0, 'an operator stores none')
  await page.selectOption(id('format-name'), 'draft/hrbank')
  await until(async () => assert.match(await page.inputValue(id('format-yaml')), /^name: hrbank$/m), 'the draft')
  assert.equal(await page.locator(id('format-drop')).count(), 0, 'an operator deletes none')
  await admin.click(id('format-drop'))
  await admin.click(id('format-drop'))
  await admin.waitForSelector(`${id('format-use')}[data-from="builtin"]`)
  assert.equal(await admin.locator(`${id('format-name')} option[value="draft/hrbank"]`).count(), 0)
  await admin.context().close()
})

test('today is shown from what is kept, by host and by the hour', async () => {
  await page.goto(`${desk.pages}/console/#/switch`)
  await page.click(id('meter-today'))
  await page.click(id('meter-by-host'))
  await page.click(id('meter-hours'))
  await until(async () => assert.ok((await meter('core', 'count')) >= 2), 'the sums of today', 100_000)
  await until(async () => assert.ok(Number(await page.getAttribute(id('meter-chart'), 'data-requests')) >= 2), 'the chart')
  await fits('switch, today')
})

test('a search that has no index says what it wants, and finds with it', async () => {
  await page.goto(`${desk.pages}/console/#/transactions`)
  await page.waitForSelector(id('txn-row'))
  await page.fill(id('filter-host'), 'core')
  await page.click(id('filter-submit'))
  await page.waitForSelector('[role=alert]')
  await page.fill(id('filter-terminal'), 'T0000001')
  await page.click(id('filter-submit'))
  await page.waitForSelector(id('txn-row'))
  await fits('transactions')
})

test('in English nothing is clipped either', async () => {
  await page.click('.bar .right button')
  for (const at of ['switch', 'reconciliation', 'blocks', 'formats']) {
    await page.goto(`${desk.pages}/console/#/${at}`)
    await page.waitForSelector('main .panel')
    await fits(at)
  }
})

test('no script error happened in any of this', () => assert.deepEqual([...errors, ...c.errors], []))
