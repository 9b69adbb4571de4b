// Lobby manager's Pad, console and releases in real browsers against the whole desk.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { newest, openBrowser, openCounter, passwords, pictures, startDesk, until } from './desk.mjs'

const flows = resolve(import.meta.dirname, '../../terminal/frontend/dist/flows')
let desk, browser, c, pad

before(async () => {
  desk = await startDesk({ 'pad-over': 50000 })
  browser = await openBrowser()
  c = await openCounter(browser, desk)
  pad = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage()
  pad.setDefaultTimeout(20000)
  await signIn(pad, 'pad', 'manager')
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

const id = (name) => `[data-testid="${name}"]`

async function signIn(page, app, user) {
  await page.goto(`${desk.pages}/${app}/`)
  await page.fill(`${id('login-name')} input, input${id('login-name')}`, user)
  await page.fill(`${id('login-password')} input, input${id('login-password')}`, passwords[user])
  await page.click(id('login-submit'))
}

const input = (name) => `${id(name)} input, input${id(name)}`

async function askForMuch() {
  await c.begin()
  await c.amount(1000)
  await c.screen('managerWait')
  await pad.waitForSelector(id('approval'))
}

// req: PA-01, PA-02, UX-30, UX-32, UX-35
test('a large amount waits for the manager, who approves with the password', async () => {
  await askForMuch()
  await c.picture('manager-wait')
  await pad.click(id('approval'))
  await pad.waitForSelector(id('approve'))
  await pad.waitForTimeout(400)
  await pad.screenshot({ path: join(pictures, 'pad-decision.png') })
  await pad.click(id('seen'))
  await pad.fill(input('password'), 'wrong-password-1')
  await pad.click(id('approve'))
  await pad.waitForSelector(id('error'))
  await c.screen('managerWait') // a wrong password decides nothing
  await pad.fill(input('password'), passwords.manager)
  await pad.click(id('approve'))
  await c.takeCard()
  await c.takeCash()
  await c.screen('askReceipt')
  await c.tap('receipt-no')
  await c.outcome('withdrawn')
  await c.tap('done')
  await newest(desk, (t) => t.state === 'CONFIRMED' && t.amount === 100000, 'confirmed')
})

// req: UX-32
test('a rejection reaches the customer in polite words, and the host is never asked', async () => {
  const before = await desk.balance('6225880000000001')
  await askForMuch()
  await pad.click(id('approval'))
  await pad.click(id('reject'))
  await pad.waitForSelector('[data-testid^="reason-"]')
  await pad.waitForTimeout(300)
  await pad.screenshot({ path: join(pictures, 'pad-reject.png') })
  await pad.locator('[data-testid^="reason-"]').first().click()
  await pad.click(id('reject-confirm'))
  await c.takeCard()
  await c.outcome('managerRejected')
  await c.picture('manager-rejected')
  await c.tap('done')
  assert.equal(await desk.balance('6225880000000001'), before)
})

test('a customer who cancels withdraws the request from the Pad', async () => {
  await askForMuch()
  await c.tap('cancel')
  await until(async () => assert.equal((await desk.manage('manager', 'GET', '/approvals')).filter((a) => a.state === 'pending').length, 0), 'withdrawn')
  await c.takeCard()
  await c.page.click('[data-act="done"]').catch(() => undefined)
  await c.idle()
})

// req: PA-01
test('a manager of another branch sees nothing of it', async () => {
  await askForMuch()
  assert.deepEqual(await desk.manage('other', 'GET', '/approvals'), [])
  await c.tap('cancel')
  await c.takeCard()
  await c.page.click('[data-act="done"]').catch(() => undefined)
  await c.idle()
})

/** Signs a copy of the flow pages as another version. */
function release(version, key = join(desk.dir, 'keys/release.key')) {
  const dir = mkdtempSync(join(tmpdir(), 'flows-'))
  cpSync(flows, dir, { recursive: true })
  writeFileSync(join(dir, 'version.txt'), version)
  const out = `${dir}.tar.gz`
  execFileSync(join(desk.bin, 'serverctl'), ['bundle', 'sign', '--dir', dir, '--name', 'flows', '--version', version, '--key', key, '--out', out])
  const bytes = new Uint8Array(readFileSync(out))
  rmSync(dir, { recursive: true })
  rmSync(out)
  return bytes
}

const running = async () => (await (await fetch(`${desk.counter}/shell/config.json`)).json()).bundle

// req: UP-01, UP-11
test('a new version of the pages is taken when idle, never under a customer, and taken back', async () => {
  const old = await running()
  await c.begin()
  await c.screen('chooseAmount')
  const b = await desk.manage('admin', 'POST', '/bundles', release('2.0.0'))
  await desk.manage('admin', 'POST', `/terminals/${desk.terminal}/bundles`, { digest: b.digest })
  await new Promise((r) => setTimeout(r, 1500)) // time in which it could wrongly switch
  assert.equal((await running()).digest, old.digest, 'a customer is being served')
  await c.tap('cancel')
  await c.takeCard()
  await until(async () => assert.equal((await running()).version, '2.0.0'), 'the new version', 60000)
  await until(async () => assert.ok(c.page.url().includes(b.digest)), 'the page is on it', 60000)
  await c.idle()
  await desk.manage('admin', 'POST', `/terminals/${desk.terminal}/bundles/back`, {})
  await until(async () => assert.equal((await running()).digest, old.digest), 'the old version', 60000)
  await c.idle()
})

test('a bundle signed with another key is refused at the door', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'key-'))
  execFileSync(join(desk.bin, 'serverctl'), ['bundle', 'keygen', '--private', join(dir, 'k'), '--public', join(dir, 'p')])
  await assert.rejects(desk.manage('admin', 'POST', '/bundles', release('6.6.6', join(dir, 'k'))), /400/)
})

test('the console shows the terminal and the story of a transaction', async () => {
  const page = await (await browser.newContext({ viewport: { width: 1920, height: 1080 } })).newPage()
  page.setDefaultTimeout(20000)
  await signIn(page, 'console', 'operator')
  await page.waitForSelector(id('terminal-row'))
  await page.waitForTimeout(800)
  await page.screenshot({ path: join(pictures, 'console-home.png') })
  await page.click('a[href$="/transactions"]')
  await page.waitForSelector(id('txn-row'))
  await page.waitForTimeout(800)
  await page.screenshot({ path: join(pictures, 'console-transactions.png') })
  await page.locator(id('txn-row')).first().click()
  await page.waitForSelector(id('story'))
  await page.waitForTimeout(800)
  await page.screenshot({ path: join(pictures, 'console-story.png'), fullPage: true })
  assert.ok(!(await page.content()).includes('6225880000000001'), 'masked')
})
