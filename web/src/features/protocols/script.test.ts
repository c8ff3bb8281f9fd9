import { describe, expect, it } from 'vitest'
import { ApiError } from '@/api/client'
import {
  bodyOf,
  decodedOf,
  emptySample,
  hexOf,
  SampleError,
  scriptErrorOf,
  spacedHex,
} from './script'
import { starterScript } from './starter'

describe('scriptErrorOf', () => {
  const refused = (result: unknown) => new ApiError('no', 400, 'illegal_argument', result)

  it('knows the line', () => {
    const result = [{ property: 'script', message: '第12行: x', detail: { line: 12 } }]
    expect(scriptErrorOf(refused(result))).toEqual({ message: '第12行: x', line: 12 })
  })

  it('does without a line, and is nothing for another member', () => {
    expect(scriptErrorOf(refused([{ property: 'script', message: 'x', detail: 'x' }]))).toEqual({
      message: 'x',
    })
    expect(
      scriptErrorOf(refused([{ property: 'name', message: 'x', detail: 'x' }])),
    ).toBeUndefined()
    expect(scriptErrorOf(refused(undefined))).toBeUndefined()
  })
})

describe('bodyOf', () => {
  const sample = { ...emptySample(), productId: ' p1 ', deviceId: '' }

  it('sends bytes as hex without blanks', () => {
    expect(bodyOf({ ...sample, topic: 't', payload: '0x01 AB:02' }, 's')).toEqual({
      script: 's',
      direction: 'decode',
      productId: 'p1',
      topic: 't',
      payloadHex: '01ab02',
    })
  })

  it('sends text as it is', () => {
    const body = bodyOf({ ...sample, format: 'text', payload: ' a ' }, 's')
    expect(body).toMatchObject({ payload: ' a ' })
    expect(body).not.toHaveProperty('payloadHex')
  })

  it('sends a message to be encoded', () => {
    const body = bodyOf({ ...sample, direction: 'encode', message: '{"messageType":"X"}' }, 's')
    expect(body.message).toEqual({ messageType: 'X' })
    expect(body).not.toHaveProperty('topic')
  })

  it('refuses what is no hex and no object', () => {
    expect(() => bodyOf({ ...sample, payload: '123' }, 's')).toThrow(SampleError)
    for (const message of ['', '[]', 'null', '1'])
      expect(() => bodyOf({ ...sample, direction: 'encode', message }, 's')).toThrow(SampleError)
  })
})

it('reads hex as people write it', () => {
  expect(hexOf('')).toBe('')
  expect(hexOf('01 0x02,03')).toBe('010203')
  expect(hexOf('0g')).toBeUndefined()
})

it('writes bytes in pairs, sixteen a line', () => {
  expect(spacedHex('00ff')).toBe('00 ff')
  expect(spacedHex('00'.repeat(17)).split('\n')).toHaveLength(2)
})

it('tells "no use for it" from an answer of another kind', () => {
  expect(decodedOf({ message: null })).toBeNull()
  expect(decodedOf({ topic: 't', payloadHex: '' })).toBeUndefined()
  expect(decodedOf({ error: { message: 'x' } })).toBeUndefined()
  const both = [{ messageType: 'A' }, { messageType: 'B' }]
  expect(decodedOf({ message: both[0], messages: both })).toEqual(both)
})

it('begins with the same program in both languages', () => {
  const program = (script: string) => script.replace(/--.*$/gm, '').replace(/\s+/g, ' ')
  expect(program(starterScript('zh-CN'))).toBe(program(starterScript('en-US')))
})
