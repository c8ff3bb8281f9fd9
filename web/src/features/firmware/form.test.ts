import { describe, expect, it } from 'vitest'
import {
  emptyArtifact,
  emptyForm,
  formOf,
  guessFrom,
  isWebAddress,
  payloadOf,
  problemsOf,
  type Firmware,
  type FirmwareForm,
} from './form'

const md5 = '5d99b396caab4bfae4e25207b62b30e2'
const sha256 = '836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd'
const digests = { md5, sha256 }

function rightForm(changes: Partial<FirmwareForm> = {}): FirmwareForm {
  const form = emptyForm()
  const right = { name: 'gate', productId: 'p1', version: '1.1', versionOrder: '2', url: '/file/x' }
  return Object.assign(form, right, { sign: sha256, size: '14' }, changes)
}

describe('problemsOf', () => {
  it('finds nothing wrong with a right form', () => {
    expect(problemsOf(rightForm(), { products: ['p1'], digests })).toEqual({})
  })

  it('asks for every required member of an empty form', () => {
    const members = Object.keys(problemsOf(emptyForm()))
    expect(members.sort()).toEqual([
      'name',
      'productId',
      'sign',
      'size',
      'url',
      'version',
      'versionOrder',
    ])
  })

  // The server counts code points; a browser's `length` would refuse 64 emoji.
  it('counts characters, not UTF-16 units', () => {
    expect(problemsOf(rightForm({ name: '🚀'.repeat(64) })).name).toBeUndefined()
    expect(problemsOf(rightForm({ name: 'x'.repeat(65) })).name).toEqual([
      'form.tooLong',
      { n: 64 },
    ])
    expect(problemsOf(rightForm({ description: '好'.repeat(201) })).description).toEqual([
      'form.tooLong',
      { n: 200 },
    ])
  })

  it.each(['0', '100000', '1.5', '-1', 'x'])('refuses the version order %s', (versionOrder) => {
    expect(problemsOf(rightForm({ versionOrder })).versionOrder?.[0]).toBe('form.between')
  })

  it('refuses a product that is not offered any more', () => {
    expect(problemsOf(rightForm(), { products: ['p2'] }).productId).toEqual([
      'firmware.productGone',
    ])
  })

  it('compares a typed signature with the file, whatever its case', () => {
    const upper = rightForm({ sign: sha256.toUpperCase() })
    expect(problemsOf(upper, { digests }).sign).toBeUndefined()
    const wrong = rightForm({ sign: sha256.replace('8', '9') })
    expect(problemsOf(wrong, { digests }).sign).toEqual(['firmware.signDiffers'])
    const otherMethod = rightForm({ signMethod: 'md5', sign: sha256 })
    expect(problemsOf(otherMethod, { digests }).sign).toEqual(['firmware.signDiffers'])
  })

  it('wants as many hex digits as the method has when there is no file to compare with', () => {
    expect(problemsOf(rightForm({ sign: md5 })).sign).toEqual(['firmware.signDigits', { n: 64 }])
    expect(problemsOf(rightForm({ signMethod: 'md5', sign: md5 })).sign).toBeUndefined()
  })

  it('wants both cells of each setting', () => {
    const properties = [
      { id: 'slot', value: 'B' },
      { id: '', value: ' ' },
    ]
    expect(Object.keys(problemsOf(rightForm({ properties })))).toEqual([
      'properties.1.id',
      'properties.1.value',
    ])
  })

  it('waits for the upload instead of asking for address and size', () => {
    const problems = problemsOf(rightForm({ url: '', size: '' }), { uploading: true })
    expect(problems).toEqual({ url: ['firmware.stillUploading'] })
  })
})

describe('payloadOf', () => {
  const row = {
    id: 'f1',
    productId: 'p1',
    productName: 'W-801',
    name: 'gate',
    version: '1.1',
    versionOrder: 2,
    url: '/file/x',
    sign: md5,
    signMethod: 'md5',
    size: 14,
    part: 'os',
    moreArtifacts: [{ fileId: 'x', part: 'application', name: 'app', version: '2' }],
    properties: [{ id: 'slot', name: 'Slot', value: 'B' }],
    createTime: 1,
    creatorId: 'u1',
    creatorName: 'admin',
  } as Firmware

  // A property's name has no cell in the form; an edit must not lose it.
  it('sends an unchanged row back as it was', () => {
    expect(payloadOf(formOf(row), row)).toEqual({ ...row, description: '' })
  })

  it('sends numbers as numbers and trims what was typed', () => {
    const payload = payloadOf(rightForm({ name: ' gate ', versionOrder: '7' }))
    expect(payload).toMatchObject({ name: 'gate', versionOrder: 7, size: 14 })
  })
})

it('guesses name and version from the name of a file', () => {
  expect(guessFrom('gate-1.2.3.bin')).toEqual({ name: 'gate-1.2.3', version: '1.2.3' })
  expect(guessFrom('fw_v2.0-rc.1.tar.gz')).toEqual({ name: 'fw_v2.0-rc.1', version: '2.0-rc.1' })
  expect(guessFrom('firmware.bin')).toEqual({ name: 'firmware', version: '' })
})

it('makes links of web addresses only', () => {
  expect(['https://h/x', 'HTTP://h', '/file/x'].every(isWebAddress)).toBe(true)
  expect(['javascript:alert(1)', 'coap://h/x', '//h/x', 'data:,x'].some(isWebAddress)).toBe(false)
})

describe('further artifacts', () => {
  const done = { ...emptyArtifact(), fileId: 'f1', part: ' application ', name: 'app' }

  it('have to have a file and a type', () => {
    const missing = { ...emptyArtifact(), part: ' ' }
    expect(problemsOf(rightForm({ moreArtifacts: [done, missing] }))).toEqual({
      'moreArtifacts.1.fileId': ['firmware.needFile'],
      'moreArtifacts.1.part': ['firmware.needPart'],
    })
  })

  it('are waited for while they are on their way', () => {
    const sending = { ...emptyArtifact(), sending: true }
    expect(problemsOf(rightForm({ moreArtifacts: [sending] }))).toEqual({
      'moreArtifacts.0.fileId': ['firmware.stillUploading'],
    })
  })

  it('are sent without what only the form knows', () => {
    expect(payloadOf(rightForm({ moreArtifacts: [done] })).moreArtifacts).toEqual([
      { fileId: 'f1', part: 'application', name: 'app', version: '' },
    ])
  })

  it('can all be removed', () => {
    const before = { moreArtifacts: [done], properties: [] } as unknown as Firmware
    expect(payloadOf(rightForm(), before).moreArtifacts).toEqual([])
  })

  it('leave the type of the file itself as it is when none is typed', () => {
    expect(payloadOf(rightForm({ part: ' ' })).part).toBe('os')
  })
})
