import { describe, expect, it } from 'vitest'
import { contains } from '@/api/query'
import { bodyOf, devicesOf, emptyForm, previewBodyOf, proposedName, typedBack } from './newTask'

const none = { picked: [], terms: [], listed: [] }
const part = { ...emptyForm(), releaseType: 'part' as const, firmwareId: 'f1' }

describe('devicesOf', () => {
  it('sends nothing but the type for all devices', () => {
    expect(devicesOf(emptyForm(), { ...none, picked: ['d1'] })).toEqual({ releaseType: 'all' })
  })

  it('sends the ids that were picked, or those of the list', () => {
    const chosen = { picked: ['d1'], terms: [], listed: ['d2', 'd3'] }
    expect(devicesOf({ ...part, choice: 'pick' }, chosen)?.deviceId).toEqual(['d1'])
    expect(devicesOf({ ...part, choice: 'list' }, chosen)?.deviceId).toEqual(['d2', 'd3'])
  })

  it('sends the search itself for all that match', () => {
    const terms = [contains('name', 'gate')]
    expect(devicesOf({ ...part, choice: 'match' }, { ...none, terms })).toEqual({
      releaseType: 'part',
      terms,
    })
  })

  it('is nothing while nothing was chosen', () => {
    expect(devicesOf({ ...part, choice: 'pick' }, none)).toBeNull()
    expect(devicesOf({ ...part, choice: 'list' }, none)).toBeNull()
  })
})

describe('bodyOf', () => {
  const all = { releaseType: 'all' as const }

  it('has a response timeout and a rate only for push', () => {
    const form = { ...part, rate: 5, maxConcurrent: 7 }
    expect(bodyOf(form, 'p1', all)).toMatchObject({ responseTimeoutSeconds: 30, rate: 5 })
    const pull = bodyOf({ ...form, mode: 'pull' }, 'p1', all)
    expect(pull).not.toHaveProperty('responseTimeoutSeconds')
    expect(pull).not.toHaveProperty('rate')
    expect(pull.maxConcurrent).toBe(7)
  })

  it('says how hawkBit devices take it when that is not the usual way', () => {
    const form = { ...part, deployment: 'downloadOnly' as const, confirmationRequired: true }
    expect(bodyOf(form, 'p1', all)).toMatchObject({
      deployment: 'downloadOnly',
      confirmationRequired: true,
    })
  })

  it('leaves out what was not asked for', () => {
    const body = bodyOf(part, 'p1', all)
    for (const name of [
      'force',
      'deployment',
      'confirmationRequired',
      'rate',
      'maxConcurrent',
      'deviceId',
      'terms',
    ]) {
      expect(body).not.toHaveProperty(name)
    }
  })
})

it('asks for a preview whatever the rest of the form says', () => {
  expect(previewBodyOf('f1', { releaseType: 'all' })).toMatchObject({
    firmwareId: 'f1',
    timeoutSeconds: 1,
  })
})

describe('proposedName', () => {
  const now = new Date(2026, 10, 23, 9, 5)

  it('names firmware, version and time', () => {
    expect(proposedName({ name: '网关固件', version: '1.1.0' }, now)).toBe(
      '网关固件 1.1.0 2026-11-23 09:05',
    )
  })

  it('does not say the version twice', () => {
    expect(proposedName({ name: 'Gateway 1.1.0', version: '1.1.0' }, now)).toBe(
      'Gateway 1.1.0 2026-11-23 09:05',
    )
  })

  it('fits, with the time whole', () => {
    const name = proposedName({ name: '固'.repeat(64), version: '1' }, now)
    expect([...name]).toHaveLength(64)
    expect(name.endsWith(' 2026-11-23 09:05')).toBe(true)
  })
})

it('takes the number with or without signs between the thousands', () => {
  expect(typedBack(' 12,345', 12345)).toBe(true)
  expect(typedBack('12345', 12345)).toBe(true)
  expect(typedBack('1234', 12345)).toBe(false)
  expect(typedBack('', 12345)).toBe(false)
})
