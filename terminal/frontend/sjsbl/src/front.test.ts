import { describe, expect, it } from 'vitest'
import { Context } from './context'
import { library } from './index'
import { blankStage, fails, FakeSjsl, someInfo, type Script } from './testing'

function setup(script: Script = {}) {
  const fake = new FakeSjsl(script)
  const info = { ...someInfo(), queues: [{ prefix: 'A', name: { zh: '个人业务', en: 'Personal banking' } }] }
  const ctx = new Context(fake.sjsl, info, 'zh', 'ticket', blankStage())
  return { fake, ctx, run: (name: string, params = {}) => library[name]!.run(ctx, params) }
}

async function chosen(script: Script) {
  const s = setup(script)
  const done = s.run('choose', { of: 'queues', title: { zh: '', en: '' } })
  await Promise.resolve()
  s.ctx.answer('A')
  expect(await done).toBe('ok')
  return s
}

describe('a queue ticket', () => {
  it('is of the chosen queue, and its number is told even if it was not printed', async () => {
    const { fake, ctx, run } = await chosen({ 'X-Queue.Take': () => ({ number: 'A007', printed: false }) })
    expect(await run('takeTicket')).toBe('notPrinted')
    expect(fake.calls.at(-1)).toEqual({ name: 'X-Queue.Take', payload: { queue: 'A' } })
    expect(ctx.data.number).toBe('A007')
  })
  it('that could not be had is said so', async () => {
    const { run } = await chosen({ 'X-Queue.Take': fails('internalError') })
    expect(await run('takeTicket')).toBe('failed')
  })
})

describe('a form', () => {
  it('is printed with what was chosen and typed; the person is the platform\'s to add', async () => {
    const { fake, ctx, run } = await chosen({})
    ctx.data.phone = '13800000000'
    expect(await run('printForm', { form: 'application' })).toBe('ok')
    expect(fake.calls.at(-1)).toEqual({ name: 'Printer.PrintForm', payload: { formName: 'application', fields: { business: '个人业务', phone: '13800000000' } } })
  })
})
