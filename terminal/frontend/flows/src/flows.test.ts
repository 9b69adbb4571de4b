import { library, problems, type Sequence } from '@counter/sjsbl'
import { describe, expect, it } from 'vitest'
import { flows } from './index'
import withdrawal from './withdrawal'

describe.each(flows)('$name', (flow) => {
  // req: J-04
  it('is composed of components, every exit leading somewhere', () => {
    expect(problems(flow, library)).toEqual([])
  })
})

const broken = (change: (s: Sequence) => void) => {
  const s = structuredClone(withdrawal) as Sequence
  change(s)
  return problems(s, library)
}

describe('card before cash', () => {
  // req: UX-03
  it('cannot be turned round', () => {
    expect(broken((s) => (s.steps.transact!.on.approved = 'dispense')).join()).toContain('before the card is returned')
  })
  it('does not count a card that was not taken', () => {
    expect(broken((s) => (s.steps.returnCard!.on.failed = 'dispense')).join()).toContain('before the card is returned')
    expect(broken((s) => (s.steps.returnCard!.on.retained = 'dispense')).join()).toContain('before the card is returned')
  })
  it('holds on detours, too: another card read after the first was returned', () => {
    const found = broken((s) => {
      s.steps.askReceipt!.on.no = 'again'
      s.steps.again = { use: 'readCard', on: { ok: 'dispense', invalid: 'withdrawn', failed: 'withdrawn' } }
    })
    expect(found.join()).toContain('before the card is returned')
  })
})

// The sources as text: what business code may touch is decided here, not by habit.
const sources = import.meta.glob('./*.ts', { query: '?raw', import: 'default', eager: true }) as Record<string, string>

describe('business code', () => {
  const files = Object.entries(sources).filter(([f]) => !f.endsWith('.test.ts'))
  it('is found', () => expect(files.length).toBeGreaterThanOrEqual(flows.length + 1))
  // req: J-04, G-23
  it.each(files)('%s imports SJSBL and its own kind only', (_, text) => {
    const from = [...text.matchAll(/from\s+'([^']+)'|import\s*\(?\s*'([^']+)'/g)].map((m) => m[1] ?? m[2])
    expect(from.filter((f) => f !== '@counter/sjsbl' && !/^\.\/[A-Za-z]+$/.test(f!))).toEqual([])
  })
  // req: J-05, G-21
  it.each(files)('%s touches no device, page or operating system', (_, text) => {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    expect(code).not.toMatch(/ActiveX|\.ocx|CreateObject|require\(|process\.|window|document|navigator|WebSocket|fetch\(|CardReader\.|CashDispenser\.|Keyboard\.|PinPad\.|Printer\.|X-[A-Z]|<[a-z]+[ >]/)
  })
})
