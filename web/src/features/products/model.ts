/** What the pages know about products, apart from how they look. */
import type { Schemas } from '@/api/client'

export type ProductDetail = Schemas['ProductDetail']
export type ConfigMetadata = Schemas['ConfigMetadata']
export type ConfigProperty = Schemas['ConfigProperty']
export type Configuration = Record<string, string>
export type Scope = 'product' | 'device'

/** Ids that a person chooses, of products and devices. */
export const idPattern = /^[0-9a-zA-Z_-]+$/
export const idLength = 64

export const deviceTypes = ['device', 'childrenDevice', 'gateway'] as const

/** Transports that an uploaded package may be used with: it does not say itself which it serves. */
export const allTransports = ['MQTT', 'WebSocket', 'HTTP', 'CoAP', 'TCP', 'UDP']

/** Can devices of this protocol and transport be upgraded? */
export function supportsFirmware(row: { features?: { id: string }[] }): boolean {
  return (row.features ?? []).some((feature) => feature.id === 'supportFirmware')
}

/** The keys that are filled in at this level; a key without scopes is for both. */
export function propertiesFor(metadata: ConfigMetadata, scope: Scope): ConfigProperty[] {
  return metadata.properties.filter(
    (property) => !property.scopes?.length || property.scopes.includes(scope),
  )
}

/** The configuration without keys that were left empty: an empty secret is no secret. */
export function filled(configuration: Configuration): Configuration {
  return Object.fromEntries(Object.entries(configuration).filter(([, value]) => value !== ''))
}

const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789'

/** A secret of 16 characters (CoAP's AES key has exactly 16 bytes), without signs that are mistaken for each other. */
export function newSecret(length = 16): string {
  // Bytes beyond the last whole multiple of the letters would make the first letters likelier.
  const limit = 256 - (256 % letters.length)
  let secret = ''
  while (secret.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      if (byte < limit && secret.length < length) secret += letters[byte % letters.length]
    }
  }
  return secret
}
