/** Importing devices from a CSV file: the request, and the files that are made of its report. */
import { ApiError, refusal, requestHeaders, type Schemas } from '@/api/client'

/** What became, or would become, of the lines of a file. */
export type ImportReport = Schemas['ImportReport']
export type RefusedLine = Schemas['RefusedLine']

export interface ImportOptions {
  /** Product of new devices whose lines name none. */
  productId?: string
  existing: 'refuse' | 'update'
  enable: boolean
}

/** Sends the file. With `dryRun` nothing is stored. Throws ApiError when the file as a whole is refused. */
export async function importDevices(
  file: Blob,
  options: ImportOptions,
  dryRun: boolean,
  signal?: AbortSignal,
): Promise<ImportReport> {
  const query = new URLSearchParams({
    existing: options.existing,
    enable: String(options.enable),
    dryRun: String(dryRun),
  })
  if (options.productId) query.set('productId', options.productId)
  let response: Response
  try {
    response = await fetch(`/api/device-instance/_import?${query}`, {
      method: 'POST',
      headers: { ...requestHeaders(), 'Content-Type': 'text/csv' },
      body: file,
      signal,
    })
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ApiError('unreachable', 0, 'unreachable', undefined)
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok) throw refusal(response, body)
  return (body as { result: ImportReport }).result
}

/** The header is within this many bytes of a file. */
const headerBytes = 65_536

/** The first line of a file, without the byte order mark. */
export async function headerOf(file: Blob): Promise<string> {
  const text = await file.slice(0, headerBytes).text()
  return (
    text
      .replace(/^\uFEFF/, '')
      .split(/\r\n|\n|\r/)
      .find((line) => line.trim()) ?? ''
  )
}

const mark = '\uFEFF' // without it, spreadsheets take UTF-8 for something else
const lineEnd = '\r\n'

/** The refused lines as they were, under their header: to be corrected and imported again. */
export function refusedFile(header: string, refused: RefusedLine[]): string {
  return mark + [header, ...refused.map((each) => each.text)].join(lineEnd) + lineEnd
}

/** The refused lines with the reasons, for who has to correct them. */
export function reportFile(titles: string[], refused: RefusedLine[]): string {
  const rows = refused.map((each) =>
    [String(each.line), each.id, each.column, each.message, each.text].map(cell),
  )
  return mark + [titles.map(cell), ...rows].map((row) => row.join(',')).join(lineEnd) + lineEnd
}

/** A cell of RFC 4180; what a spreadsheet would take for a formula is made text. */
function cell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
