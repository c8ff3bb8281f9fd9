import { describe, expect, it } from 'vitest'
import { differences, hidden, hiddenChanged } from './difference'

describe('differences', () => {
  it('tells each member that came, went, changed or stayed', () => {
    const before = { name: 'a', version: '1', url: 'x' }
    const after = { name: 'b', version: '1', size: 7 }
    expect(differences(before, after)).toEqual([
      { member: 'name', before: 'a', after: 'b', change: 'changed' },
      { member: 'version', before: '1', after: '1', change: 'same' },
      { member: 'url', before: 'x', change: 'removed' },
      { member: 'size', after: '7', change: 'added' },
    ])
  })
  it('looks into lists and objects', () => {
    const before = { properties: [{ id: 'a', value: '1' }] }
    const after = { properties: [{ id: 'a', value: '2' }] }
    expect(differences(before, after).filter((each) => each.change !== 'same')).toEqual([
      { member: 'properties[0].value', before: '1', after: '2', change: 'changed' },
    ])
  })
  it('shows that a secret changed', () => {
    const found = differences(
      { configuration: { secureKey: hidden } },
      { configuration: { secureKey: hiddenChanged } },
    )
    expect(found[0]?.change).toBe('changed')
  })
  it('has nothing to tell of nothing', () => {
    expect(differences(null, null)).toEqual([])
  })
  it('shows text that is no JSON as it is', () => {
    expect(differences(null, 'x{')).toEqual([{ member: '?', after: 'x{', change: 'added' }])
  })
})
