// A whole desk for browser tests: real programs on free ports, and the hands of a customer, a
// tester and an operator. Used by the *.e2e.mjs files beside it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const root = resolve(import.meta.dirname, '../..')
export const pictures = join(root, 'docs/pictures')

/** The hands of people at the virtual devices of one counter. */
const hands = (devices) => ({
  devices,
  /** An action on a virtual device, by the same name as in its panel. */
  async act(device, action, body = {}) {
    const r = await fetch(`${devices}/api/devices/${device}/actions/${action}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    if (!r.ok) throw new Error(`${device} ${action}: ${r.status} ${await r.text()}`)
    return r.json()
  },
  async device(id) {
    return (await fetch(`${devices}/api/devices/${id}`)).json()
  },
  /** Tries until the device takes it (a dialog or a movement may still be under way). */
  async soon(device, action, body) {
    return until(() => this.act(device, action, body), `${device} ${action}`)
  }
})

/** Starts a desk; options are the desk's flags, a list for one that is given again. */
export async function startDesk(flags = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'e2e-'))
  const all = { fast: true, window: 'no', flows: join(root, 'terminal/frontend/dist/flows'), 'cash-time': '4s', 'card-time': '4s', 'host-timeout': '3s', ...flags }
  const args = ['-json', '-free-ports', '-dir', join(dir, 'desk'), ...Object.entries(all).flatMap(([k, v]) => [v].flat().map((one) => `-${k}=${one}`))]
  const p = spawn(join(root, 'bin/desk'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const first = await Promise.race([once(createInterface({ input: p.stdout }), 'line').then(([l]) => l), once(p, 'exit').then(([code]) => Promise.reject(new Error(`the desk ended with ${code}`)))])
  const at = JSON.parse(first)
  const desk = {
    ...at,
    ...hands(at.devices),
    pages: at.manage,
    bank: at.host,
    /** The further counters of the branch. */
    more: at.more.map((x) => ({ ...x, ...hands(x.devices) })),
    async host(path, body) {
      const r = await fetch(`${at.host}/api/${path}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
      if (!r.ok) throw new Error(`host ${path}: ${r.status} ${await r.text()}`)
      return r.json().catch(() => undefined)
    },
    /** Calls the server as a terminal does, with the terminal's certificate. */
    async asTerminal(method, path, body) {
      const pki = join(dir, 'desk/pki')
      const q = request(`${at.access}${path}`, { method, ca: readFileSync(join(pki, 'ca.pem')), cert: readFileSync(join(pki, 'terminal-T0000001.pem')), key: readFileSync(join(pki, 'terminal-T0000001.key')) })
      q.end(body === undefined ? undefined : JSON.stringify(body))
      const [r] = await once(q, 'response')
      let text = ''
      for await (const part of r) text += part
      if (r.statusCode >= 400) throw new Error(`${method} ${path}: ${r.statusCode} ${text}`)
      return JSON.parse(text)
    },
    async balance(card) {
      const accounts = await desk.host('accounts')
      return accounts.find((a) => a.card === card).balance
    },
    /** Calls the management API as a user; returns the envelope's data. */
    async manage(user, method, path, body) {
      const cookie = (desk.cookies[user] ??= await signIn(at.manage, user))
      const raw = body instanceof Uint8Array
      const r = await fetch(`${at.manage}/v2/api${path}`, { method, headers: { cookie, ...(body === undefined ? {} : { 'content-type': raw ? 'application/gzip' : 'application/json' }) }, body: body === undefined ? undefined : raw ? body : JSON.stringify(body) })
      const env = await r.json()
      if (!r.ok) throw new Error(`${method} ${path}: ${r.status} ${env.code} ${env.message}`)
      return env.data
    },
    cookies: {},
    async stop() {
      p.kill('SIGINT')
      const [code] = p.exitCode === null ? await once(p, 'exit') : [p.exitCode]
      if (code === 0 && !process.env.KEEP) rmSync(dir, { recursive: true, force: true })
      return code
    }
  }
  return desk
}

export const passwords = { admin: 'Admin#2026', operator: 'Operator#2026', manager: 'Manager#2026', other: 'Manager#2026', teller: 'Teller#2026' }

async function signIn(base, user) {
  const r = await fetch(`${base}/v2/api/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: user, password: passwords[user] }) })
  if (!r.ok) throw new Error(`sign in ${user}: ${r.status}`)
  return r.headers.get('set-cookie').split(';')[0]
}

/** What a page calls a part of it. */
export const id = (name) => `[data-testid="${name}"]`

/** A page of the console (or the Pad), signed in, in a browser session of its own; what goes wrong in it is put into errors. */
export async function openPage(browser, desk, user, { app = 'console', at, size = { width: 1280, height: 1024 }, errors = [] } = {}) {
  const p = await (await browser.newContext({ viewport: size, acceptDownloads: true })).newPage()
  p.setDefaultTimeout(20000)
  p.on('pageerror', (e) => errors.push(`${user}: ${e.message}`))
  p.on('console', (m) => { if (m.type() === 'error' && /Content Security|Refused to/.test(m.text())) errors.push(m.text()) })
  await p.goto(`${desk.pages}/${app}/`)
  for (const [field, text] of [['login-name', user], ['login-password', passwords[user]]]) await p.fill(`${id(field)} input, input${id(field)}`, text)
  await p.click(id('login-submit'))
  await p.waitForSelector(id('sign-out'))
  if (at) await p.goto(`${desk.pages}/${app}/#${at}`)
  return p
}

/** What is wrong with a console page's shape: how far it sticks out of the window, tables out of their panels, tabs that lie on another. */
export const shape = (p) => p.evaluate(() => ({
  page: document.documentElement.scrollWidth - innerWidth,
  tables: [...document.querySelectorAll('.scroll, .dump')].filter((x) => x.scrollWidth > x.clientWidth + 1).map((x) => x.innerText.slice(0, 60)),
  bar: [...document.querySelectorAll('.bar > *')].some((x, i, all) => i > 0 && x.getBoundingClientRect().left < all[i - 1].getBoundingClientRect().right)
}))

/** Tries f until it succeeds; the limit only ends a test that hangs. */
export async function until(f, what, limit = 30000) {
  const end = Date.now() + limit
  for (;;) {
    try {
      return await f()
    } catch (e) {
      if (Date.now() > end) throw new Error(`${what}: ${e.message}`)
      await new Promise((r) => setTimeout(r, 50))
    }
  }
}

export async function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required']
  })
}

/** The counter's page with the customer's hands on it. */
export async function openCounter(browser, desk, size = { width: 1280, height: 1024 }) {
  const page = await browser.newPage({ viewport: size })
  page.setDefaultTimeout(30000)
  const errors = []
  page.on('pageerror', (e) => errors.push(e.message))
  await page.goto(desk.counter + '/')
  const screen = (name) => page.waitForSelector(`[data-screen="${name}"]`)
  const tap = async (act) => page.click(`[data-act="${act}"]:not([disabled])`)
  const c = {
    page,
    errors,
    screen,
    tap,
    async idle() {
      await screen('idle')
      await page.waitForSelector('[data-act="withdrawal"]:not([disabled])')
    },
    async insert(card = 'demo-1') {
      await screen('insertCard')
      await desk.soon('card', 'insertCard', { card, mag: true })
    },
    async pin(digits = '123456') {
      await screen('enterPin')
      await desk.soon('pinpad', 'pressKeys', { keys: digits + 'E' })
    },
    async takeCard() {
      await screen('takeCard')
      await desk.soon('card', 'takeCard')
    },
    async takeCash() {
      await screen('takeCash')
      await desk.soon('cash', 'takeCash')
    },
    /** Chooses a withdrawal up to the amount screen. */
    async begin(flow = 'withdrawal', card = 'demo-1') {
      await c.idle()
      await tap(flow)
      await c.insert(card)
      await c.pin()
    },
    async amount(yuan) {
      await screen('chooseAmount')
      if (await page.$(`[data-act="amount-${yuan}"]`)) return tap(`amount-${yuan}`)
      await tap('amount-other')
      for (const d of String(yuan)) await tap(`key-${d}`)
      await tap('amount-confirm')
    },
    /** Chooses a deposit up to the open mouth. */
    async deposits() {
      await c.idle()
      await page.waitForSelector('[data-act="deposit"]:not([disabled])')
      await tap('deposit')
      await c.insert()
      await c.pin()
      await screen('insertNotes')
    },
    async put(value, condition = 'genuine') {
      await desk.soon('acceptor', 'insertNote', { value, condition })
    },
    /** Waits until a part of the screen shows a text, whatever its spaces. */
    async shows(part, text) {
      await until(async () => {
        const is = (await page.textContent(`[data-part="${part}"]`)).replace(/\s/g, '')
        if (is !== text) throw new Error(`it is ${is}`)
      }, `${part} is ${text}`)
    },
    async outcome(kind) {
      await page.waitForSelector(`[data-outcome="${kind}"]`)
    },
    async picture(name) {
      mkdirSync(pictures, { recursive: true })
      await page.waitForTimeout(350) // the screen's own transition
      await page.screenshot({ path: join(pictures, `${name}.png`) })
    }
  }
  return c
}

/** Waits until the terminal's newest transaction has a state. */
export async function newest(desk, ok, what) {
  return until(async () => {
    const list = await desk.manage('operator', 'GET', '/transactions?size=5')
    const t = list.items.filter((x) => x.kind === 'withdrawal' || x.amount > 0)[0] ?? list.items[0]
    if (!t || !ok(t)) throw new Error(`newest is ${JSON.stringify(t)}`)
    return t
  }, what)
}
