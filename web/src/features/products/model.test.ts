import { describe, expect, it } from 'vitest'
import { filled, idPattern, newSecret, propertiesFor, supportsFirmware } from './model'

describe('the id of a product', () => {
  it('has letters, digits, _ and - only', () => {
    expect(idPattern.test('gateway-G2_1')).toBe(true)
    for (const bad of ['', 'a b', '网关', 'a/b', 'a.b']) expect(idPattern.test(bad)).toBe(false)
  })
})

describe('propertiesFor', () => {
  const metadata = {
    name: 'MQTT',
    properties: [
      { property: 'secureId', name: 'secureId', scopes: ['product' as const, 'device' as const] },
      { property: 'plainAuth', name: 'plain', scopes: ['product' as const] },
      { property: 'free', name: 'free' },
    ],
  }
  it('gives each level its keys', () => {
    const names = (scope: 'product' | 'device') =>
      propertiesFor(metadata, scope).map((each) => each.property)
    expect(names('product')).toEqual(['secureId', 'plainAuth', 'free'])
    expect(names('device')).toEqual(['secureId', 'free'])
  })
})

describe('supportsFirmware', () => {
  it('looks for the feature', () => {
    expect(supportsFirmware({ features: [{ id: 'supportFirmware' }] })).toBe(true)
    expect(supportsFirmware({ features: [] })).toBe(false)
    expect(supportsFirmware({})).toBe(false)
  })
})

describe('filled', () => {
  it('leaves empty values out', () => {
    expect(filled({ secureId: 'a', secureKey: '' })).toEqual({ secureId: 'a' })
  })
})

describe('newSecret', () => {
  it('is as long as an AES key and never the same', () => {
    const secrets = Array.from({ length: 50 }, () => newSecret())
    expect(secrets.every((secret) => /^[A-Za-z2-9]{16}$/.test(secret))).toBe(true)
    expect(new Set(secrets).size).toBe(50)
  })
})
