import { afterEach, describe, expect, it, vi } from 'vitest'
import { api, ApiError, errorText, learnTime, open, serverNow, whenSignedOut } from './api'

const answer = (status: number, body: unknown): Response => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status })
afterEach(() => { vi.unstubAllGlobals(); whenSignedOut(() => {}); learnTime(null) })

describe('the envelope', () => {
  it('gives the data of a success', () => { expect(open<number[]>(200, '{"code":"OK","message":"","data":[1]}')).toEqual([1]) })

  it.each([
    [409, '{"code":"AlreadyDecided","message":"decided by anna","data":{"manager":"anna"}}', 'AlreadyDecided'],
    [200, '{"code":"Conflict","message":"","data":null}', 'Conflict'],
    [502, '<html>bad gateway', 'Unavailable'], [500, '', 'Internal'], [413, 'too big', 'TooLarge'], [200, 'null', 'Internal']
  ])('%i %s is an error of code %s', (status, text, code) => {
    let e: unknown
    try { open(status, text) } catch (x) { e = x }
    expect(e).toBeInstanceOf(ApiError)
    expect((e as ApiError).code).toBe(code)
  })

  it('keeps the data of an error: it tells who was faster', () => {
    try { open(409, '{"code":"AlreadyDecided","message":"","data":{"manager":"anna"}}') } catch (e) { expect((e as ApiError).data).toEqual({ manager: 'anna' }) }
  })
})

describe('errors for people', () => {
  it('come from the code table, in both languages', () => {
    const e = new ApiError(403, 'Locked', 'too many')
    expect(e.text('zh-CN')).toBe('登录失败次数过多，请稍后再试')
    expect(e.text('en')).toBe('Too many failed sign-ins, please try again later')
  })
  it('never show the words of an unexpected error', () => { expect(errorText(new Error('dial tcp 10.0.0.1'), 'en')).toBe('Internal error') })
  it('tell why a bundle was refused', () => { expect(new ApiError(400, 'BundleInvalid', 'a.js: digest differs').text('en')).toContain('a.js: digest differs') })
})

describe('a call', () => {
  it('without a session leads to the sign-in', async () => {
    const gone = vi.fn()
    whenSignedOut(gone)
    vi.stubGlobal('fetch', () => Promise.resolve(answer(401, { code: 'NotSignedIn', message: '', data: null })))
    await expect(api.terminals()).rejects.toThrow(ApiError)
    expect(gone).toHaveBeenCalledOnce()
  })
  it('with a wrong password does not', async () => {
    const gone = vi.fn()
    whenSignedOut(gone)
    vi.stubGlobal('fetch', () => Promise.resolve(answer(401, { code: 'WrongPassword', message: '', data: null })))
    await expect(api.approve('a', 'x')).rejects.toMatchObject({ code: 'WrongPassword' })
    expect(gone).not.toHaveBeenCalled()
  })
  it('to a server that is not there is Offline', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')))
    await expect(api.me()).rejects.toMatchObject({ code: 'Offline' })
  })
  it('carries a card number in the body only', async () => {
    const f = vi.fn((_url: string, _o: { body: string }) => Promise.resolve(answer(200, { code: 'OK', message: '', data: { items: [], total: 0 } })))
    vi.stubGlobal('fetch', f)
    await api.search({ pan: '6225880000000001' })
    expect(f.mock.calls[0]?.[0]).not.toContain('6225')
    expect(f.mock.calls[0]?.[1].body).toContain('6225880000000001')
  })
})

it('the time is the server\'s when the own clock is off by more than two seconds', () => {
  learnTime('Sun, 22 Nov 2026 01:00:00 GMT', Date.parse('2026-11-22T00:50:00Z'))
  expect(serverNow() - Date.now()).toBeGreaterThan(599_000)
  learnTime('Sun, 22 Nov 2026 01:00:00 GMT', Date.parse('2026-11-22T01:00:01Z'))
  expect(Math.abs(serverNow() - Date.now())).toBeLessThan(50)
})
