// Business in steps (业务分步, 业务会签): a terminal opens a case, a remote teller reviews it in the console,
// the lobby manager signs on the Pad, the customer accepts. Real pages against the whole desk; the terminal
// is played with its own certificate.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { id, openBrowser, openPage, passwords, pictures, startDesk, until } from './desk.mjs'

let desk, browser, page, pad
const errors = []

before(async () => {
  desk = await startDesk()
  browser = await openBrowser()
  page = await openPage(browser, desk, 'teller', { errors })
  pad = await openPage(browser, desk, 'manager', { app: 'pad', size: { width: 1280, height: 800 }, errors })
})

after(async () => {
  await browser?.close()
  assert.equal(await desk?.stop(), 0, 'the desk ends clean')
})

let n = 0
async function openCase(amount = 8_000_000) {
  const c = await desk.asTerminal('POST', '/t/v1/cases', { request: `r${Date.now()}-${n++}`, kind: 'largeTransfer', amount, pan: '622588******0001', private: '6225880000000005', fields: { receiver: '李四' } })
  return desk.asTerminal('POST', `/t/v1/cases/${c.number}/steps/identify`, { fields: { name: '张三', document: '110101********1234' } })
}

const step = (c, name) => c.steps.find((s) => s.name === name).state

async function picture(name) {
  await page.waitForSelector('.el-message', { state: 'detached' })
  for (const [width, height] of [[1280, 1024], [1920, 1080]]) {
    await page.setViewportSize({ width, height })
    await page.waitForTimeout(300)
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth - innerWidth, ...[...document.querySelectorAll('.scroll')].map((x) => x.scrollWidth - x.clientWidth)])
    assert.ok(wide.every((x) => x <= 1), `${name} at ${width}: ${wide}`)
    await page.screenshot({ path: join(pictures, `${name}-${width}.png`) })
  }
  await page.setViewportSize({ width: 1280, height: 1024 })
}

// req: TX-19
test('a large transfer is reviewed by a teller, signed by the manager, accepted by the customer', async () => {
  let c = await openCase()
  assert.equal(step(c, 'review'), 'current')
  await page.click(`${id('case-row')}[data-number="${c.number}"]`)
  await page.waitForSelector(id('case-decide'))
  assert.match(await page.textContent(id('case')), /6225880000000005[\s\S]*李四|李四[\s\S]*6225880000000005/)
  await picture('console-case')
  await page.fill(id('case-password'), 'wrong-password-1')
  await page.click(id('case-approve'))
  await page.waitForSelector('.case .wrong')
  await page.fill(id('case-password'), passwords.teller)
  await page.click(id('case-approve'))
  await page.waitForSelector('[data-step="approve"][data-state="current"]')
  assert.equal(step(await desk.asTerminal('GET', `/t/v1/cases/${c.number}`), 'approve'), 'current')

  await pad.click(id('approval'))
  await pad.waitForSelector(id('told'))
  assert.match(await pad.textContent('.facts'), /大额转账[\s\S]*李四/)
  await pad.waitForTimeout(400)
  await pad.screenshot({ path: join(pictures, 'pad-case.png') })
  await pad.click(id('seen'))
  await pad.fill(`${id('password')} input, input${id('password')}`, passwords.manager)
  await pad.click(id('approve'))
  await page.waitForSelector('[data-step="accept"][data-state="current"]') // the teller's page follows by itself
  c = await desk.asTerminal('POST', `/t/v1/cases/${c.number}/steps/accept`, { fields: { signature: 'sm3' } })
  assert.equal(c.state, 'ready')
  await page.waitForSelector(`${id('case')}[data-state="ready"]`)
})

test('a teller refuses with a reason, and the terminal is told', async () => {
  const c = await openCase()
  await page.click(`${id('case-row')}[data-number="${c.number}"]`)
  await page.waitForSelector(id('case-decide'))
  await page.click(id('case-reject'))
  await page.selectOption(id('case-reason'), 'ReasonDocuments')
  await page.fill(id('case-note'), '证件照片不清晰')
  await page.click(id('case-reject-go'))
  await page.waitForSelector(`${id('case')}[data-state="refused"]`)
  const told = await until(async () => {
    const x = await desk.asTerminal('GET', `/t/v1/cases/${c.number}`)
    assert.equal(x.state, 'refused')
    return x
  }, 'refused')
  assert.ok(told.steps.find((s) => s.name === 'review').reason.zh)
  await assert.rejects(desk.asTerminal('POST', `/t/v1/cases/${c.number}/steps/accept`, { fields: { signature: 'x' } }), /409/)
  await picture('console-case-refused')
})

test('no page had an error', () => assert.deepEqual(errors, []))
