/** Lua packages: what the page sends and reads, and the script that a new one begins with. */
import type { ApiError, Schemas } from '@/api/client'

export type Declaration = Schemas['ScriptDeclaration']
export type Outcome = Schemas['ScriptOutcome']

export interface ScriptError {
  message: string
  line?: number
}

/** Why the server refuses a script; undefined if it refused something else. */
export function scriptErrorOf(error: ApiError): ScriptError | undefined {
  const found = error.fields.find((field) => field.property === 'script')
  if (!found) return undefined
  const line = (found.detail as { line?: unknown } | undefined)?.line
  return { message: found.message, ...(typeof line === 'number' ? { line } : {}) }
}

export interface Sample {
  direction: 'decode' | 'encode'
  topic: string
  payload: string
  format: 'text' | 'hex'
  /** JSON text of what is encoded. */
  message: string
  productId: string
  deviceId: string
}

export const emptySample = (): Sample => ({
  direction: 'decode',
  topic: '/poll',
  payload: '01 31 2e 30',
  format: 'hex',
  message: JSON.stringify(sampleUpgrade, null, 2),
  productId: 'p1',
  deviceId: 'd1',
})

const sampleUpgrade = {
  messageType: 'UPGRADE_FIRMWARE',
  messageId: '1',
  deviceId: 'd1',
  url: 'http://host/file/firmware.bin',
  version: '1.1',
  size: 14,
  sign: '5d99b396caab4bfae4e25207b62b30e2',
  signMethod: 'md5',
  firmwareId: '1',
  parameters: {},
}

/** Hex digits with or without blanks, as one piece; undefined if it is no hex. */
export function hexOf(text: string): string | undefined {
  const hex = text.replace(/(\b0x|[\s:,])/gi, '')
  return /^([0-9a-f]{2})*$/i.test(hex) ? hex.toLowerCase() : undefined
}

/** What is sent to try `script`; throws the key of a text if the sample cannot be sent. */
export function bodyOf(sample: Sample, script: string): Schemas['ScriptTry'] {
  const { direction, topic, productId, deviceId } = sample
  const about = {
    script,
    direction,
    ...(productId.trim() ? { productId: productId.trim() } : {}),
    ...(deviceId.trim() ? { deviceId: deviceId.trim() } : {}),
  }
  if (direction === 'encode') return { ...about, message: messageOf(sample.message) }
  if (sample.format === 'text') return { ...about, topic, payload: sample.payload }
  const payloadHex = hexOf(sample.payload)
  if (payloadHex === undefined) throw new SampleError('protocols.noHex')
  return { ...about, topic, payloadHex }
}

/** A sample that cannot be sent; `message` is the key of a text. */
export class SampleError extends Error {}

function messageOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new SampleError('protocols.noJson')
}

/** Bytes as people read them: in pairs, sixteen a line. */
export function spacedHex(hex: string): string {
  const bytes = hex.match(/../g) ?? []
  const lines = []
  for (let at = 0; at < bytes.length; at += 16) lines.push(bytes.slice(at, at + 16).join(' '))
  return lines.join('\n')
}

/** What of an answer stands for the message; undefined: the answer is another. */
export function decodedOf(outcome: Outcome): unknown {
  if (outcome.error || !('message' in outcome)) return undefined
  return outcome.messages?.length ? outcome.messages : outcome.message
}
