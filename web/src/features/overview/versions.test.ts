import { describe, expect, it } from 'vitest'
import { segmentsOf } from './versions'

describe('segmentsOf', () => {
  // Exactly that version: 1.0 must not count the devices of 11.0, too.
  it('leads from a version to its devices and leaves out what is empty', () => {
    const product = {
      productId: 'p 1',
      productName: 'Gate',
      total: 12,
      versions: [{ version: '1.0+b', count: 9 }],
      otherCount: 0,
      unknownCount: 3,
    }
    expect(segmentsOf(product, 'other', 'unknown')).toMatchObject([
      { name: '1.0+b', count: 9, to: '/devices?f.productId=p%201&f.firmwareVersion=%3D1.0%2Bb' },
      { name: 'unknown', count: 3 },
    ])
  })
})
