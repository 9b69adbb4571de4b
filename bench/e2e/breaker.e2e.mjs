// A host that does not answer: the breaker opens, is seen in the console, spares the next customer the wait,
// and closes by itself when the host is well again.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { newest, openBrowser, openCounter, passwords, pictures, startDesk } from './desk.mjs'

let desk, browser, c, page
const id = (name) => `[data-testid="${name}"]`

before(async () => {
  desk = await startDesk({ 'break-after': 1 })
  browser = await openBrowser()
  c = await openCounter(browser, desk)
  page = await (await browser.newContext({ viewport: { width: 1280, height: 1024 } })).newPage()
  page.setDefaultTimeout(30000)
  await page.goto(`${desk.pages}/console/`)
  await page.fill(id('login-name'), 'operator')
  await page.fill(id('login-password'), passwords.operator)
  await page.click(id('login-submit'))
  await page.waitForSelector(id('sign-out'))
  await page.goto(`${desk.pages}/console/#/switch`)
  await page.waitForSelector(`${id('host')}[data-name="core"][data-state="up"]`)
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

test('a silent host opens the breaker: the next customer is told at once, and it heals by itself', async () => {
  for (const mti of ['0200', '0420', '0820']) await desk.host('scenario', { kind: 'lost', mti, count: 0 }) // echoes too
  await c.begin()
  await c.amount(200)
  await c.takeCard()
  await c.outcome('unknown')
  await c.tap('done')
  await page.waitForSelector(`${id('host')}[data-name="core"][data-breaker="open"]`)
  await page.waitForTimeout(300)
  await page.screenshot({ path: join(pictures, 'console-breaker.png') })
  await c.begin()
  await c.amount(300)
  await c.takeCard()
  await c.outcome('declined')
  await c.tap('done')
  assert.ok((await fetch(`${desk.bank}/api/scenario`, { method: 'DELETE' })).ok)
  await page.waitForSelector(`${id('host')}[data-name="core"][data-breaker="closed"]`, { timeout: 60000 })
  await newest(desk, (t) => t.amount === 20000 && /^REVERS(ED|AL_NOT_FOUND)$/.test(t.state), 'taken back')
  await c.begin()
  await c.amount(100)
  await c.takeCard()
  await c.takeCash()
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.outcome('withdrawn')
})
