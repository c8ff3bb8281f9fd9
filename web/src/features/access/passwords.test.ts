import { describe, expect, it } from 'vitest'
import { passwordProblem } from './passwords'

describe('passwordProblem', () => {
  it('wants eight characters, however many code units they take', () => {
    expect(passwordProblem('1234567', '1234567')).toBe('access.tooShort')
    expect(passwordProblem('😀😀😀😀😀😀😀', '😀😀😀😀😀😀😀')).toBe('access.tooShort')
    expect(passwordProblem('12345678', '12345678')).toBeNull()
  })

  it('wants both to be the same', () => {
    expect(passwordProblem('12345678', '12345679')).toBe('access.differ')
  })
})
