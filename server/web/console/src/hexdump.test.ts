import { expect, it } from 'vitest'
import { hexdump, sampleFor } from './hexdump'

it('a dump has every byte once, sixteen a row', () => {
  expect(hexdump('303030FF41')).toBe('0000  30 30 30 FF 41                                    000.A')
  const two = hexdump('31'.repeat(17)).split('\n')
  expect(two).toHaveLength(2)
  expect(two[0]).toBe(`0000  ${'31 '.repeat(7)}31  ${'31 '.repeat(7)}31  ${'1'.repeat(16)}`)
  expect(two[1]?.startsWith('0010  31 ')).toBe(true)
  expect(hexdump('')).toBe('')
})

it('the sample of an SM4 format has a PIN block of sixteen bytes', () => {
  expect(JSON.parse(sampleFor('pos64sm4')).values.pinBlock).toHaveLength(32)
  expect(JSON.parse(sampleFor('pos64')).values.pinBlock).toHaveLength(16)
})
