import { describe, expect, it } from 'vitest'
import {
  authorityOf,
  bodyOf,
  emptyForm,
  headersOf,
  kindsOf,
  secretsOf,
  tokenPattern,
  type CredentialCreated,
} from './model'

const device = { kind: 'device' as const, id: 'd1' }
const product = { kind: 'product' as const, id: 'p1' }

describe('kindsOf', () => {
  it('knows certificate authorities for products only', () => {
    expect(kindsOf(device)).not.toContain('authority')
    expect(kindsOf(product)).toContain('authority')
  })
})

describe('tokenPattern', () => {
  it('takes 16 to 128 printable characters without blanks', () => {
    expect(tokenPattern.test('a'.repeat(16))).toBe(true)
    expect(tokenPattern.test('~!'.repeat(64))).toBe(true)
    for (const bad of ['a'.repeat(15), 'a'.repeat(129), `${'a'.repeat(16)} `, '密'.repeat(16)]) {
      expect(tokenPattern.test(bad)).toBe(false)
    }
  })
})

describe('authorityOf', () => {
  it('reads a fingerprint as tools print it', () => {
    expect(authorityOf(`AB:CD ${'0'.repeat(36)}`)).toBe(`abcd${'0'.repeat(36)}`)
  })

  it('is nothing for what is no hash', () => {
    for (const bad of ['', 'abcd', 'x'.repeat(40), '0'.repeat(41)])
      expect(authorityOf(bad)).toBe('')
  })
})

describe('bodyOf', () => {
  it('leaves the making of the token to the server', () => {
    expect(bodyOf({ ...emptyForm(), token: 'typed, then left' }, 0)).toEqual({ kind: 'token' })
  })

  it('sends what the kind needs and nothing else', () => {
    const typed = { ...emptyForm(), name: ' line 3 ', own: true, token: 't'.repeat(16) }
    expect(bodyOf(typed, 0)).toEqual({ kind: 'token', name: 'line 3', token: 't'.repeat(16) })
    expect(bodyOf({ ...typed, kind: 'mqttKey', secureId: ' id ' }, 0)).toEqual({
      kind: 'mqttKey',
      name: 'line 3',
      secureId: 'id',
    })
  })

  it('counts the days from now', () => {
    expect(bodyOf({ ...emptyForm(), days: 7 }, 1000).expiresAt).toBe(1000 + 7 * 86_400_000)
  })
})

describe('secretsOf', () => {
  const row = { id: '1', productId: 'p1', name: '', hint: '', createTime: 0, creatorId: 'u' }
  const made = (members: object) => ({ ...row, expired: false, ...members }) as CredentialCreated

  it('shows both halves of a key, and nothing of an authority', () => {
    expect(secretsOf(made({ secureId: 'i', secureKey: 'k' })).map((each) => each.value)).toEqual([
      'i',
      'k',
    ])
    expect(secretsOf(made({ authority: 'ab' }))).toEqual([])
  })
})

describe('headersOf', () => {
  it("calls a product's token a gateway token", () => {
    expect(headersOf(product, 'x').at(-1)?.line).toBe('Authorization: GatewayToken x')
    expect(headersOf(device, 'x').at(-1)?.line).toBe('Authorization: TargetToken x')
  })
})
