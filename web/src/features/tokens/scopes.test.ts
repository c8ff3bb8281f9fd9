import { describe, expect, it } from 'vitest'
import { choiceOf, scopesOf } from './scopes'

describe('scopesOf', () => {
  it('puts the actions of a resource together', () => {
    const choices = [choiceOf('a', 'query'), choiceOf('b', 'query'), choiceOf('a', 'save')]
    expect(scopesOf(choices)).toEqual([
      { id: 'a', actions: ['query', 'save'] },
      { id: 'b', actions: ['query'] },
    ])
  })
})
