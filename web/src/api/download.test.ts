import { describe, expect, it } from 'vitest'
import { nameIn } from './download'

describe('nameIn', () => {
  it('reads the name of a file', () => {
    expect(nameIn('attachment; filename="devices.csv"')).toBe('devices.csv')
    expect(nameIn('attachment; filename=devices.csv')).toBe('devices.csv')
  })

  it('prefers the extended name', () => {
    expect(nameIn(`attachment; filename="d.csv"; filename*=UTF-8''%E8%AE%BE%E5%A4%87.csv`)).toBe(
      '设备.csv',
    )
    expect(nameIn(`attachment; filename="d.csv"; filename*=UTF-8''%E8%A`)).toBe('d.csv')
  })

  it('has none without the header', () => {
    expect(nameIn(null)).toBeUndefined()
  })
})
