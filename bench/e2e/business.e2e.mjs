// The console's pages of what the bank has agreed on, in a real browser against the whole desk: the products in
// force, limits and what is used of them, merchants and the clearing of their payments; and how channels and
// copies are doing.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { id, openBrowser, openCounter, openPage, pictures, shape, startDesk, until } from './desk.mjs'
import { partner } from './partner.mjs'

const run = promisify(execFile), root = resolve(import.meta.dirname, '../..')
let desk, browser, c, page
const errors = []
const openConsole = (user, at) => openPage(browser, desk, user, { at, errors })
const number = async (selector) => Number((await page.textContent(selector)).trim())

before(async () => {
  desk = await startDesk({ all: false, limits: true, partner: true })
  browser = await openBrowser()
  c = await openCounter(browser, desk)
  page = await openConsole('operator', '/products')
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

/** In both languages and sizes nothing sticks out, no tab lies on another, and what can be touched is large enough; a picture of each. */
async function fits(name, keep = false) {
  for (const lang of ['zh', 'en']) {
    for (const [width, height] of [[1280, 1024], [1920, 1080]]) {
      await page.setViewportSize({ width, height })
      await page.waitForSelector('.el-message', { state: 'detached' })
      await page.evaluate(() => window.scrollTo(0, 0))
      await page.waitForTimeout(300) // the layout's own movement
      const small = await page.evaluate(() => [...document.querySelectorAll('main button:not(.plain), main a.here, main select, main input')].map((x) => [x.dataset.testid ?? x.textContent.trim(), (x.type === 'checkbox' ? x.closest('label') : x).getBoundingClientRect()]).filter(([, r]) => r.height > 0 && r.height < 28).map(([n]) => n))
      assert.deepEqual({ ...(await shape(page)), small }, { page: 0, tables: [], bar: false, small: [] }, `${name} ${lang} at ${width}`)
      const file = keep && lang === 'zh' ? join(pictures, `${name}-${width}.png`) : process.env.SHOTS && join(process.env.SHOTS, `${name}-${lang}-${width}.png`)
      if (file) await page.screenshot({ path: file, fullPage: true })
    }
    await page.click('.bar .right button') // the other language
  }
  await page.setViewportSize({ width: 1280, height: 1024 })
}

test('the products in force are there with message, steps, what they move and how they end, and can be searched', async () => {
  const row = (name) => `${id('product')}[data-name="${name}"]`
  await page.waitForSelector(row('withdrawal'))
  const all = await page.locator(id('product')).count()
  assert.ok(all > 90, `${all} products`)
  const text = await page.textContent(row('withdrawal'))
  for (const x of ['取款', '0200', '010000', '资金', '终端确认', '限额 → 转换密码', 'terminals']) assert.ok(text.includes(x), `${x} in ${text}`)
  assert.match(await page.textContent(`${row('deposit')} [data-v="end"]`), /确认后入账/)
  const pays = (name) => page.textContent(`${row(name)} [data-v="pays"]`)
  assert.deepEqual([await pays('purchase'), await pays('transfer'), await page.locator(`${row('withdrawal')} [data-v="pays"]`).count()], ['付给商户', '付给他方', 0])
  await page.fill(id('product-search'), '0100 终端')
  await until(async () => assert.ok((await page.locator(id('product')).count()) < all), 'fewer')
  await page.fill(id('product-search'), '010000')
  await until(async () => assert.deepEqual(await page.locator(id('product')).evaluateAll((xs) => xs.map((x) => x.dataset.name)), ['withdrawal']), 'by its code')
  await page.fill(id('product-search'), 'no such thing')
  await page.waitForSelector('text=没有符合条件的产品')
  await page.fill(id('product-search'), '')
  await page.click(id('product-moves-thing'))
  await until(async () => assert.deepEqual(await page.locator(id('product')).evaluateAll((xs) => xs.map((x) => x.dataset.name)), ['cardIssue']), 'what moves a thing')
  await fits('console-products')
  await page.click(id('product-moves-any'))
})

// req: TX-18
test('what a card has used of its limits is told after a withdrawal, and its number is nowhere', async () => {
  await page.goto(`${desk.pages}/console/#/blocks`)
  await page.waitForSelector(`${id('limit')}[data-name="cardDay"]`)
  assert.match(await page.textContent(`${id('limit')}[data-name="cardDay"]`), /卡[^]*每天[^]*20,000\.00 元、10 笔[^]*取款[^]*61/)
  const used = async () => {
    await page.fill(id('limit-subject'), '6225880000000001')
    await page.click(id('limit-look'))
    await page.waitForSelector(`${id('limit-use')}[data-name="cardDay"]`)
    return (await page.textContent(`${id('limit-use')}[data-name="cardDay"] [data-v="used"]`)).trim()
  }
  assert.equal(await used(), '0.00 元，0 笔')
  await c.begin()
  await c.amount(300)
  await c.takeCard()
  await c.takeCash()
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.outcome('withdrawn')
  await c.tap('done')
  await until(async () => assert.equal(await used(), '300.00 元，1 笔'), 'one withdrawal')
  assert.ok(!(await page.content()).includes('6225880000000001'), 'the number is nowhere on the page')
  assert.match(await page.textContent(id('limit-used')), /622588\*{6}0001[^]*每笔[^]*逐笔检查/)
  await page.fill(id('limit-subject'), '62258800')
  assert.ok(await page.isDisabled(id('limit-look')), 'half a number')
  await page.fill(id('block-subject'), '6225880000000003')
  await page.fill(id('block-note'), '客户电话挂失')
  await page.click(id('block-add'))
  const row = `${id('block-row')}[data-name="622588******0003"]`
  await page.waitForSelector(row)
  assert.match(await page.textContent(row), /operator/)
  await page.fill(id('limit-subject'), '6225880000000003')
  await page.click(id('limit-look'))
  await until(async () => assert.match(await page.textContent(id('limit-used')), /在黑名单中[^]*客户电话挂失/), 'it is blocked')
  await fits('console-limits', true)
})

// req: TX-18
test('merchants are listed and found; a day that nobody has cleared says so, and is cleared by a person', async () => {
  await page.goto(`${desk.pages}/console/#/merchants`)
  await page.waitForSelector('text=还没有登记商户')
  await page.waitForSelector(id('clearing-not'))
  await fits('console-merchants-none')
  const file = join(desk.dir, 'merchants.yaml')
  const merchant = (n, zh, en) => `  - {number: "10229000000000${n}", branch: "0001", name: {zh: ${zh}, en: ${en}}, fee: {ppm: 3800, min: 10, max: 5000}, shares: [{to: 店主, ppm: 900000}, {to: 商场, ppm: 100000}]}\n`
  writeFileSync(file, `merchants:\n${merchant(1, '解放路书店', 'Jiefang Road Books')}${merchant(2, '茶馆', 'Tea House')}`)
  await run(join(root, 'bin/serverctl'), ['merchant', 'import', '--config', join(desk.dir, 'server.yaml'), file])
  await page.reload()
  await page.waitForSelector(`${id('merchant')}[data-number="102290000000001"]`)
  const text = await page.textContent(`${id('merchant')}[data-number="102290000000001"]`)
  for (const x of ['解放路书店', '0.38%', '最低 0.10', '最高 50.00', '店主 90%', '商场 10%', 'T0000001']) assert.ok(text.includes(x), `${x} in ${text}`)
  await page.fill(id('merchant-search'), 'TEA')
  await page.waitForSelector(`${id('merchant')}[data-number="102290000000001"]`, { state: 'detached' })
  assert.equal(await page.locator(id('merchant')).count(), 1)
  await page.fill(id('merchant-search'), 'nobody')
  await page.waitForSelector('text=没有符合条件的商户')
  await page.fill(id('merchant-search'), '')
  assert.equal(await page.getAttribute(id('clearing'), 'data-ran'), 'false')
  await page.click(id('clearing-run'))
  await page.click(id('clearing-go'))
  await page.waitForSelector(`${id('clearing')}[data-ran="true"]`)
  assert.match(await page.textContent(id('clearing-done')), /^operator 于 .* 清算$/)
  assert.equal(await number(`${id('clearing')} [data-v="count"]`), 0) // cash is not a merchant's
  await page.reload()
  await page.waitForSelector(`${id('clearing')}[data-ran="true"]`)
  await page.waitForSelector(`${id('merchant')}[data-number="102290000000001"]`)
  await fits('console-merchants', true)
})

// req: TX-18
test('what customers paid is cleared to the merchant to the last fen, and what is taken back leaves with the next run', async () => {
  const bills = partner(desk), card = '6225880000000005', had = await desk.balance(card)
  const paid = []
  for (const amount of [10001, 333, 5000, 1000000]) {
    const a = await bills.pay(card, amount)
    assert.equal(a.response, '00', JSON.stringify(a))
    paid.push({ ...a, amount })
  }
  assert.equal(had - (await desk.balance(card)), 1015334)
  /** What the journal says of the merchant's payments, and what that makes by the merchant's agreement. */
  const fromJournal = async () => {
    const all = (await desk.manage('operator', 'GET', '/transactions?size=100')).items.filter((x) => x.kind === 'purchase' && x.state === 'CONFIRMED')
    const fee = all.reduce((n, x) => n + Math.min(5000, Math.max(10, Math.round(x.amount * 0.0038))), 0), gross = all.reduce((n, x) => n + x.amount, 0)
    return { count: all.length, gross, fee, shares: [0.9, 0.1].map((x) => (gross - fee) * x) }
  }
  const money = (fen) => (fen / 100).toLocaleString('en-US', { minimumFractionDigits: 2 })
  const clears = async (count) => {
    await page.click(id('clearing-run'))
    await page.click(id('clearing-go'))
    await until(async () => assert.equal(await number(`${id('clearing')} [data-v="count"]`), count), `${count} payments`)
    const want = await fromJournal(), row = `${id('cleared')}[data-number="102290000000001"]`
    assert.equal(want.count, count)
    const cells = (await page.locator(`${row} td`).allTextContents()).map((x) => x.trim())
    assert.deepEqual(cells.slice(1, 4), [String(want.count), money(want.gross), money(want.fee)])
    const parts = await page.locator(`${row} .part b`).evaluateAll((xs) => xs.map((x) => Math.round(Number(x.textContent.replaceAll(',', '')) * 100)))
    assert.equal(parts[0] + parts[1], want.gross - want.fee, 'not a fen is lost')
    parts.forEach((x, i) => assert.ok(Math.abs(x - want.shares[i]) < 1, `${x} is ${want.shares[i]}`))
    assert.match(cells[0], /解放路书店/)
    for (const x of [want.gross, want.fee, want.gross - want.fee]) assert.ok((await page.textContent(`${id('clearing')} .sums`)).includes(money(x)), `${money(x)} in the sums`)
    return want
  }
  await page.goto(`${desk.pages}/console/#/merchants`)
  await page.waitForSelector(`${id('clearing')}[data-ran="true"]`)
  const all = await clears(4)
  assert.deepEqual([all.gross, all.fee], [1015334, 38 + 10 + 19 + 3800])
  await fits('console-clearing', true)
  assert.equal((await bills.reverse(card, 5000, paid[2])).response, '00')
  await until(async () => assert.equal(had - (await desk.balance(card)), 1010334), 'the money is back')
  await clears(3)
})

// req: UX-20
test('a channel shows what came, what it refused and why, and since when it is as it is', async () => {
  await page.goto(`${desk.pages}/console/#/switch`)
  const row = `${id('channel')}[data-name="terminals"]`
  await page.waitForSelector(`${row}[data-state="up"]`)
  await page.waitForSelector(`${id('channel')}[data-name="terminalsSM4"][data-state="quiet"]`)
  assert.match(await page.textContent(`${row} [data-v="since"]`), /已/)
  const garbage = () => number(`${row} [data-v="garbage"]`)
  const had = await garbage()
  const port = Number(/:(\d+)/.exec(await page.textContent(row))[1])
  await new Promise((done) => { const s = connect(port, '127.0.0.1', () => s.write(Buffer.from('\x00\x05hello', 'latin1'))); s.on('close', done); s.on('error', done) })
  await until(async () => assert.equal(await garbage(), had + 1), 'it was counted')
  await page.waitForSelector(`${row}[data-error="garbage"]`)
  assert.match(await page.textContent(row), /报文无法解读/)
  await until(async () => assert.ok((await number(`${id('cache')} [data-v="hits"]`)) > 0), 'the copies were used')
  await fits('console-switch-channels')
})

// req: TX-16
test("a partner's book comes in its own format, and says who has to do what next", async () => {
  await page.goto(`${desk.pages}/console/#/reconciliation`)
  await page.selectOption(id('book-host'), 'partner bills')
  await until(async () => assert.equal(await page.inputValue(id('book-format')), 'bills'), 'the format that it usually has')
  const day = new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10).replaceAll('-', '') // of China
  const upload = (text) => page.setInputFiles(id('book-file'), { name: 'bills.txt', mimeType: 'text/plain', buffer: Buffer.from(text) })
  await upload('this is no book\n')
  await page.waitForSelector(id('book-error'))
  await upload(`000000000001;P0000001;12000;D;\n000000000002;P0000001;3000;D;\nTRAILER ${day} 2 15000\n`)
  await page.waitForSelector(`${id('run')}[data-book="partner"]`)
  const heap = `${id('heap')}[data-book="partner"][data-class="theirsOnly"]`
  const text = await page.textContent(heap)
  for (const x of ['bills', '合作方有、本方无', '150.00', '清算人员', '请合作方提供应答报文']) assert.ok(text.includes(x), `${x} in ${text}`)
  assert.equal(await number(`${heap} [data-v="count"]`), 2)
  assert.equal(await page.locator(`${id('difference')}[data-book="partner"][data-class="theirsOnly"]`).count(), 2)
  await fits('console-partner-book')
})

test('a branch sees none of it', async () => {
  const manager = await openConsole('manager', '/reconciliation')
  await manager.waitForSelector(id('report'))
  for (const at of ['switch', 'products', 'merchants', 'blocks']) assert.equal(await manager.locator(`nav a[href="#/${at}"]`).count(), 0, at)
  await manager.goto(`${desk.pages}/console/#/merchants`)
  await manager.waitForSelector('[role="alert"]')
  assert.equal(await manager.locator(id('merchant')).count(), 0)
  await manager.context().close()
})

test('no script error happened in any of this', () => assert.deepEqual([...errors, ...c.errors], []))
