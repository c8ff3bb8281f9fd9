import { describe, expect, it } from 'vitest'
import { tagTerms, versionTerms } from './fields'

describe('versionTerms', () => {
  it('finds what contains the text', () => {
    expect(versionTerms('1.0')).toEqual([
      {
        column: 'id$dev-firmware',
        value: [{ column: 'version', termType: 'like', value: '%1.0%', type: 'and' }],
        type: 'and',
      },
    ])
  })

  it('finds exactly one version after an equals sign', () => {
    expect(versionTerms('=1.0')[0]!.value).toEqual([
      { column: 'version', termType: 'eq', value: '1.0', type: 'and' },
    ])
  })
})

describe('tagTerms', () => {
  it('asks for all of the tags', () => {
    expect(tagTerms('site=A, line = 2')[0]!.value).toEqual([
      { column: 'site', value: 'A' },
      { column: 'line', value: '2' },
    ])
  })

  it('takes a key alone for any value', () => {
    expect(tagTerms('site')[0]!.value).toEqual([{ column: 'site', termType: 'like', value: '%' }])
  })

  it('matches no device while it is incomplete', () => {
    for (const typed of ['site=', 'site=A, line=', '=A', ' , ']) {
      expect(tagTerms(typed)).toEqual([{ column: 'id', termType: 'isnull', value: 1, type: 'and' }])
    }
  })
})
