/** The firmware form: its members as the controls hold them, and the rules of rows 7-16. */
import type { Schemas } from '@/api/client'
import type { Digests } from './digest'
import { randomHex, type PendingUpload } from './draft'

export type Firmware = Schemas['Firmware']
export type SignMethod = Schemas['SignMethod']

export interface PropertyRow {
  id: string
  value: string
}

/** A further artifact: without a file as long as `fileId` is empty. */
export interface ArtifactRow {
  /** Tells the rows apart. */
  key: string
  fileId: string
  part: string
  name: string
  version: string
  filename: string
  size: number
  md5: string
  sha256: string
  sha1?: string
  /** Its upload, if one has begun and not ended. */
  upload?: PendingUpload
  sending?: boolean
}

export interface FirmwareForm {
  name: string
  productId?: string
  version: string
  /** As typed. */
  versionOrder: string
  signMethod: SignMethod
  sign: string
  url: string
  /** Bytes, as typed. */
  size: string
  part: string
  moreArtifacts: ArtifactRow[]
  properties: PropertyRow[]
  description: string
}

/** A key of a text with its parameters; the form's members, `properties.0.id` for a row's. */
export type Problem = [key: string, parameters?: Record<string, unknown>]
export type Problems = Record<string, Problem>

export const nameMax = 64
export const descriptionMax = 200
export const orderMax = 99999
export const artifactsMax = 32
/** The type of a software module, unless another one is typed (hawkBit's name for an operating system). */
export const defaultPart = 'os'
const digits: Record<SignMethod, number> = { md5: 32, sha256: 64 }

export function emptyForm(): FirmwareForm {
  return {
    name: '',
    productId: undefined,
    version: '',
    versionOrder: '',
    signMethod: 'sha256',
    sign: '',
    url: '',
    size: '',
    part: defaultPart,
    moreArtifacts: [],
    properties: [],
    description: '',
  }
}

export function emptyArtifact(): ArtifactRow {
  const empty = { fileId: '', name: '', version: '', filename: '', size: 0, md5: '', sha256: '' }
  return { key: randomHex(), part: 'application', ...empty }
}

export function formOf(row: Firmware): FirmwareForm {
  return {
    name: row.name,
    productId: row.productId,
    version: row.version,
    versionOrder: String(row.versionOrder),
    signMethod: row.signMethod,
    sign: row.sign,
    url: row.url,
    size: String(row.size),
    part: row.part ?? defaultPart,
    moreArtifacts: (row.moreArtifacts ?? []).map((each, index) => ({ key: `${index}`, ...each })),
    properties: row.properties.map(({ id, value }) => ({ id, value })),
    description: row.description ?? '',
  }
}

/** What is sent; `before` is the row that is edited, whose other members are sent back as they were. */
export function payloadOf(form: FirmwareForm, before?: Firmware) {
  const names = new Map(before?.properties.map((row) => [row.id, row.name]))
  return {
    ...before,
    name: form.name.trim(),
    productId: form.productId!,
    version: form.version.trim(),
    versionOrder: Number(form.versionOrder),
    signMethod: form.signMethod,
    sign: form.sign.trim(),
    url: form.url.trim(),
    size: Number(form.size),
    part: form.part.trim() || defaultPart,
    moreArtifacts: form.moreArtifacts.map(({ fileId, part, name, version }) => ({
      fileId,
      part: part.trim(),
      name: name.trim(),
      version: version.trim(),
    })),
    properties: form.properties.map(({ id, value }) => ({ id, name: names.get(id), value })),
    description: form.description,
  }
}

/** Characters as the server counts them: an emoji is one. */
export const lengthOf = (text: string) => [...text].length

export interface Context {
  /** Ids that may be chosen; undefined while they are not known. */
  products?: string[]
  /** Digests of the file that was chosen here. */
  digests?: Digests
  /** The file is on its way. */
  uploading?: boolean
}

/** Everything that is wrong with the form. */
export function problemsOf(form: FirmwareForm, context: Context = {}): Problems {
  const problems: Problems = {}
  const note = (member: string, problem?: Problem) => {
    if (problem) problems[member] = problem
  }
  note('name', textProblem(form.name, 'firmware.needName'))
  note('productId', productProblem(form.productId, context.products))
  note('version', textProblem(form.version, 'firmware.needVersion'))
  note('versionOrder', orderProblem(form.versionOrder))
  note('sign', signProblem(form, context.digests))
  note('url', urlProblem(form.url, context.uploading))
  if (!context.uploading) note('size', sizeProblem(form.size))
  form.moreArtifacts.forEach((row, index) => {
    const member = `moreArtifacts.${index}`
    note(`${member}.fileId`, fileProblem(row))
    note(`${member}.part`, textProblem(row.part, 'firmware.needPart'))
    if (lengthOf(row.name.trim()) > nameMax) note(`${member}.name`, tooLong)
    if (lengthOf(row.version.trim()) > nameMax) note(`${member}.version`, tooLong)
  })
  if (lengthOf(form.part.trim()) > nameMax) note('part', tooLong)
  form.properties.forEach((row, index) => {
    if (!row.id.trim()) note(`properties.${index}.id`, ['firmware.needKey'])
    if (!row.value.trim()) note(`properties.${index}.value`, ['firmware.needValue'])
  })
  if (lengthOf(form.description) > descriptionMax) {
    note('description', ['form.tooLong', { n: descriptionMax }])
  }
  return problems
}

const tooLong: Problem = ['form.tooLong', { n: nameMax }]

function fileProblem(row: ArtifactRow): Problem | undefined {
  if (row.sending) return ['firmware.stillUploading']
  return row.fileId ? undefined : ['firmware.needFile']
}

function textProblem(text: string, missing: string): Problem | undefined {
  if (!text.trim()) return [missing]
  return lengthOf(text.trim()) > nameMax ? tooLong : undefined
}

function productProblem(id: string | undefined, offered?: string[]): Problem | undefined {
  if (!id) return ['firmware.needProduct']
  return offered && !offered.includes(id) ? ['firmware.productGone'] : undefined
}

function orderProblem(text: string): Problem | undefined {
  if (!text.trim()) return ['firmware.needOrder']
  const order = /^\d+$/.test(text.trim()) ? Number(text) : 0
  return order < 1 || order > orderMax ? ['form.between', { min: 1, max: orderMax }] : undefined
}

/** Row 12: what was typed is compared with the file as soon as its digest is known. */
export function signProblem(form: FirmwareForm, digests?: Digests): Problem | undefined {
  const sign = form.sign.trim().toLowerCase()
  if (!sign) return ['firmware.needSign']
  if (digests && sign !== digests[form.signMethod]) return ['firmware.signDiffers']
  if (sign.length !== digits[form.signMethod] || /[^0-9a-f]/.test(sign)) {
    return ['firmware.signDigits', { n: digits[form.signMethod] }]
  }
  return undefined
}

function urlProblem(url: string, uploading?: boolean): Problem | undefined {
  if (uploading) return ['firmware.stillUploading']
  return url.trim() ? undefined : ['firmware.needFile']
}

function sizeProblem(text: string): Problem | undefined {
  return /^\d+$/.test(text.trim()) && Number.isSafeInteger(Number(text))
    ? undefined
    : ['firmware.needSize']
}

/** What the name of a file says about a firmware: `gate-1.2.3.bin` → gate-1.2.3 and 1.2.3. */
export function guessFrom(fileName: string): { name: string; version: string } {
  const name = fileName.replace(/\.(tar\.)?[A-Za-z][0-9A-Za-z]{0,7}$/, '')
  const version = /(?:^|[^0-9A-Za-z])v?(\d+(?:\.\d+)+(?:-[0-9A-Za-z.]+)?)$/.exec(name)?.[1] ?? ''
  return { name: [...name].slice(0, nameMax).join(''), version: version.slice(0, nameMax) }
}

/** Can a browser download from the address? Devices also know coap and tftp; no other scheme becomes a link. */
export function isWebAddress(url: string): boolean {
  return /^(https?:\/\/|\/(?!\/))/i.test(url)
}
