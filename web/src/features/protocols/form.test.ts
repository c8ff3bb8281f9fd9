import { describe, expect, it } from 'vitest'
import { configurationOf, emptyForm, formOf, nameOfJar } from './form'

describe('the form of a protocol', () => {
  it('keeps keys that it does not show', () => {
    const form = { ...emptyForm(), location: ' a.jar ', supportFirmware: false }
    expect(configurationOf(form, { fileId: 'f1', supportFirmware: 'true' })).toEqual({
      fileId: 'f1',
      location: 'a.jar',
      provider: '',
      supportFirmware: 'false',
    })
  })

  it('reads a stored row', () => {
    const row = { id: 'p', name: 'P', type: 'jar', state: 1 as const, createTime: 0 }
    expect(formOf(row).supportFirmware).toBe(false)
    expect(formOf({ ...row, configuration: { supportFirmware: 'true' } }).supportFirmware).toBe(
      true,
    )
  })

  it('takes the name of a package from its file', () => {
    expect(nameOfJar('official-3.0.jar')).toBe('official-3.0')
    expect(nameOfJar('official.JAR')).toBe('official')
  })
})
