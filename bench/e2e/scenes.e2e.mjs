// Other kinds of terminal in a real browser: a queue ticket machine, a form-filling machine and an
// information display, each a whole desk of its own.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openBrowser, openCounter, startDesk, until } from './desk.mjs'

let browser
before(async () => (browser = await openBrowser()))
after(() => browser?.close())

/** Starts a terminal, does what is to be done there, and ends it. */
async function at(scene, size, f) {
  const desk = await startDesk({ scene })
  try {
    const c = await openCounter(browser, desk, size)
    await f(desk, c)
    assert.deepEqual(c.errors, [])
    await c.page.close()
  } finally {
    assert.equal(await desk.stop(), 0, 'the desk ends clean')
  }
}

const offered = (c) => c.page.$$eval('.tile[data-act]', (l) => l.map((x) => x.dataset.act))

// req: T-01
test('a queue ticket machine gives each customer a number of its own', { timeout: 120000 }, () =>
  at('queue', { width: 1280, height: 1024 }, async (desk, c) => {
    await c.page.waitForSelector('[data-act="ticket"]:not([disabled])')
    assert.deepEqual(await offered(c), ['ticket'])
    await c.picture('queue-idle')
    for (const number of ['B001', 'B002']) {
      await c.tap('ticket')
      await c.screen('choose')
      if (number === 'B001') await c.picture('queue-choose')
      await c.tap('choose-B')
      await c.outcome('ticketTaken')
      assert.match(await c.page.textContent('h1'), new RegExp(number))
      if (number === 'B001') await c.picture('queue-ticket')
      await c.tap('done')
      await c.page.waitForSelector('[data-act="ticket"]:not([disabled])')
      await desk.soon('printer', 'takePaper')
    }
    const tickets = (await desk.device('printer')).physical.tickets
    assert.match(tickets[0].text, /B002[\s\S]*对公业务/)
  }))

test('a form-filling machine prints name and number of the identity card, and nobody else sees them', { timeout: 120000 }, () =>
  at('form', { width: 1920, height: 1080 }, async (desk, c) => {
    await c.page.waitForSelector('[data-act="formFill"]:not([disabled])')
    await c.picture('form-idle-1920')
    await c.tap('formFill')
    await c.screen('choose')
    await c.picture('form-choose-1920')
    await c.tap('choose-card')
    await c.screen('placeIdCard')
    await desk.soon('idreader', 'placeCard', { card: '张测试' })
    await c.screen('enterPhone')
    assert.ok(!(await c.page.content()).includes('990101199003070015'), 'the page knows the number')
    for (const d of '13800000000') await c.tap(`key-${d}`)
    await c.tap('phone-confirm')
    await c.outcome('formPrinted')
    await c.picture('form-printed-1920')
    const [page] = await until(async () => {
      const p = (await desk.device('printer')).physical.pages
      assert.equal(p.length, 1)
      return p
    }, 'the page')
    for (const want of ['换卡、补卡', '张测试', '990101199003070015', '13800000000']) assert.ok(page.text.includes(want), want)
  }))

test('an information display shows its notices', { timeout: 120000 }, () =>
  at('information', { width: 1920, height: 1080 }, async (desk, c) => {
    const first = await (await c.page.waitForSelector('[data-part="notice"]')).textContent()
    await c.picture('information-1920')
    await until(async () => assert.notEqual(await c.page.textContent('[data-part="notice"]'), first), 'the next notice')
    assert.deepEqual(await offered(c), [])
  }))
