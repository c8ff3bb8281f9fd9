import { describe, expect, it } from 'vitest'
import { tagMap } from './tags'

describe('tagMap', () => {
  it('leaves rows without a key out', () => {
    const rows = [
      { key: ' site ', value: ' A ' },
      { key: ' ', value: 'x' },
    ]
    expect(tagMap(rows)).toEqual({ site: 'A' })
  })
})
