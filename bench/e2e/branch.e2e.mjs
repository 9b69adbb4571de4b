// A whole branch in a real browser: three counters of different kinds with one server and one bank.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openBrowser, openCounter, passwords, pictures, startDesk, until } from './desk.mjs'

let desk, browser

before(async () => {
  desk = await startDesk({ counter: ['atm', 'queue'] })
  browser = await openBrowser()
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

async function draw(at, yuan, card) {
  const c = await openCounter(browser, at)
  await c.begin('withdrawal', card)
  await c.amount(yuan)
  await c.takeCard()
  await c.takeCash()
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.outcome('withdrawn')
  await c.tap('done')
  await c.idle()
  assert.deepEqual(c.errors, [])
  await c.page.close()
}

test('each counter of a branch has its own devices, keys and journal, and one page shows all of them', { timeout: 120000 }, async () => {
  const [atm, queue] = desk.more
  await Promise.all([draw(desk, 300, 'demo-1'), draw(atm, 200, 'demo-5')])
  assert.equal(await desk.balance('6225880000000001'), 2000000 - 30000)
  assert.equal(await desk.balance('6225880000000005'), 2000000 - 20000)
  const c = await openCounter(browser, queue)
  await c.tap('ticket')
  await c.tap('choose-B')
  await c.outcome('ticketTaken')
  await c.page.close()
  await until(async () => {
    const list = await desk.manage('operator', 'GET', '/terminals')
    assert.deepEqual(list.map((t) => [t.id, t.state]).sort(), ['T0000001', 'T0000002', 'T0000003'].map((t) => [t, 'inService']), JSON.stringify(list).slice(0, 600))
  }, 'all three in service')
  const page = await browser.newPage({ viewport: { width: 1280, height: 1024 } })
  await page.goto(`${desk.pages}/console/`)
  await page.fill('[data-testid="login-name"]', 'operator')
  await page.fill('[data-testid="login-password"]', passwords.operator)
  await page.click('[data-testid="login-submit"]')
  await page.waitForSelector('text=T0000003')
  await page.waitForTimeout(500)
  await page.screenshot({ path: `${pictures}/console-branch.png` })
  await page.close()
})
