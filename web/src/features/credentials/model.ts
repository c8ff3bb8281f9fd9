/** What the pages know about credentials of devices and products, apart from how they look. */
import type { Schemas } from '@/api/client'

export type Credential = Schemas['Credential']
export type CredentialCreated = Schemas['CredentialCreated']
export type CredentialKind = Schemas['CredentialKindName']

/** Whose credentials: one device's, or those that all devices of a product share. */
export interface Owner {
  kind: 'device' | 'product'
  id: string
}

export interface CredentialForm {
  kind: CredentialKind
  name: string
  /** Of a token: typed by a person instead of made by the server. */
  own: boolean
  token: string
  secureId: string
  authority: string
  /** Days until it expires; 0: never. */
  days: number
}

export const nameMax = 64
/** 16 to 128 printable ASCII characters without blanks. */
export const tokenPattern = /^[!-~]{16,128}$/
/** A user name of MQTT is `secureId|time`: the sign in between cannot be part of it. */
export const secureIdPattern = /^[^|\s]{1,64}$/
export const lifetimes = [0, 7, 30, 90, 365]
/** How long the old secret may go on working beside the new one, in seconds. */
export const keepTimes = [0, 3600, 86_400, 7 * 86_400]

const day = 86_400_000

export const emptyForm = (): CredentialForm => ({
  kind: 'token',
  name: '',
  own: false,
  token: '',
  secureId: '',
  authority: '',
  days: 0,
})

export function kindsOf(owner: Owner): CredentialKind[] {
  return owner.kind === 'product' ? ['token', 'mqttKey', 'authority'] : ['token', 'mqttKey']
}

/** A hash as certificates' tools print it, `AB:CD:…` or with blanks, in lower-case hex; '' if it is none. */
export function authorityOf(text: string): string {
  const hex = text.replace(/[\s:]/g, '').toLowerCase()
  return /^([0-9a-f]{2})+$/.test(hex) && hex.length >= 32 ? hex : ''
}

/** What is sent; members that mean nothing to the kind are left out. */
export function bodyOf(form: CredentialForm, now: number): Schemas['CredentialWrite'] {
  const secureId = form.secureId.trim()
  return {
    kind: form.kind,
    ...(form.name.trim() ? { name: form.name.trim() } : {}),
    ...(form.kind === 'token' && form.own ? { token: form.token.trim() } : {}),
    ...(form.kind === 'mqttKey' && secureId ? { secureId } : {}),
    ...(form.kind === 'authority' ? { authority: authorityOf(form.authority) } : {}),
    ...(form.days ? { expiresAt: now + form.days * day } : {}),
  }
}

/** What a new credential is told with, once; empty of an authority, which has no secret. */
export function secretsOf(made: CredentialCreated): { name: string; value: string }[] {
  if (made.token) return [{ name: 'token', value: made.token }]
  if (!made.secureKey) return []
  return [
    { name: 'secureId', value: made.secureId ?? '' },
    { name: 'secureKey', value: made.secureKey },
  ]
}

/** How a device shows the new token over HTTP. */
export function headersOf(owner: Owner, token: string): { dialect: string; line: string }[] {
  const scheme = owner.kind === 'product' ? 'GatewayToken' : 'TargetToken'
  return [
    { dialect: 'JetLinks HTTP, HTTPS', line: `Authorization: Bearer ${token}` },
    { dialect: 'hawkBit DDI', line: `Authorization: ${scheme} ${token}` },
  ]
}
