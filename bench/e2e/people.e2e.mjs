// Who may sign in: two administrators add a person, who chooses the password, in the console and on the Pad.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { id, openBrowser, openPage, pictures, shape, startDesk } from './desk.mjs'

let desk, browser, admin
const errors = []

before(async () => {
  desk = await startDesk({ all: false })
  browser = await openBrowser()
  admin = await openPage(browser, desk, 'admin', { at: '/people', errors })
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

const add = (name, role, branch) => execFileSync(join(desk.bin, 'serverctl'), ['user', 'add', '--config', join(desk.dir, 'server.yaml'), '--name', name, '--role', role, '--branch', branch], { input: 'a first password\n' })

/** Signs in with a first password, and chooses another. */
async function door(app, name, fresh, first = 'a first password') {
  const p = await (await browser.newContext({ viewport: { width: 1280, height: 1024 } })).newPage()
  p.on('pageerror', (e) => errors.push(String(e)))
  await p.goto(`${desk.pages}/${app}/`)
  await p.fill(id('login-name'), name)
  await p.fill(id('login-password'), first)
  await p.click(id('login-submit'))
  await p.waitForSelector(id('login-fresh'))
  await p.fill(id('login-fresh'), fresh)
  await p.fill(id('login-again'), `${fresh}.`)
  await p.click(id('login-submit'))
  assert.match(await p.textContent('[role="alert"]'), /不一致/)
  assert.deepEqual(await shape(p), { page: 0, tables: [], bar: false })
  await p.screenshot({ path: join(pictures, `${app}-first-password.png`) })
  await p.fill(id('login-again'), fresh)
  await p.click(id('login-submit'))
  await p.waitForSelector(id('login-submit'), { state: 'detached' })
  return p
}

// req: AU-21
test('a person is added by one administrator and may sign in when another has agreed', async () => {
  await admin.fill(id('person-name'), 'ruth')
  await admin.fill(id('person-display'), '如诗')
  await admin.fill(id('person-password'), 'a first password')
  await admin.click(id('person-add'))
  const ruth = `${id('person')}[data-name="ruth"]`
  await admin.waitForSelector(`${ruth}[data-state="waiting"]`)
  assert.equal(await admin.locator(`${ruth} ${id('person-agree')}`).count(), 0, 'not by the same person')
  await admin.waitForSelector('.el-message', { state: 'detached' })
  for (const [width, height] of [[1280, 1024], [1920, 1080]]) {
    await admin.setViewportSize({ width, height })
    await admin.waitForTimeout(400)
    assert.deepEqual(await shape(admin), { page: 0, tables: [], bar: false })
    await admin.screenshot({ path: join(pictures, `console-people-${width}.png`) })
  }
  await admin.fill(id('person-name'), 'operator')
  await admin.fill(id('person-password'), 'known to me')
  await admin.click(id('person-add'))
  await admin.waitForSelector(id('person-error'))
  assert.match(await admin.textContent(id('person-error')), /已有人使用/)

  add('rita', 'admin', '')
  const rita = await door('console', 'rita', 'only rita knows')
  await rita.goto(`${desk.pages}/console/#/people`)
  await rita.click(`${ruth} ${id('person-agree')}`)
  await rita.waitForSelector(`${ruth}[data-state="first"]`)
  const code = (await rita.textContent(`${id('person-code')} output`)).trim()
  assert.match(code, /^[2-9A-HJ-NP-Z]{10}$/)
  assert.deepEqual(await shape(rita), { page: 0, tables: [], bar: false })
  await rita.screenshot({ path: join(pictures, 'console-people-code.png') })
  await rita.click(id('person-code-close'))
  assert.equal(await rita.locator(id('person-code')).count(), 0, 'shown this once')
  await rita.context().close()
  const own = await door('console', 'ruth', 'only ruth knows', `a first password${code}`)
  await own.context().close()
})

test('a lobby manager chooses the own password on the Pad', async () => {
  add('lin', 'manager', '0001')
  const pad = await door('pad', 'lin', 'only lin knows')
  await pad.context().close()
})

test('in English nothing is clipped either, and no script error happened', async () => {
  await admin.click('button:has-text("English")')
  await admin.setViewportSize({ width: 1280, height: 1024 })
  await admin.waitForTimeout(400)
  assert.deepEqual(await shape(admin), { page: 0, tables: [], bar: false })
  await admin.screenshot({ path: join(pictures, 'console-people-en.png') })
  assert.deepEqual(errors, [])
})
