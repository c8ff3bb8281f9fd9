/** Device ids out of what people paste or drop: one a line, separated by commas, or a column of a CSV file. */

export interface IdList {
  /** Each once, in the order in which they came. */
  ids: string[]
  /** How many came again. */
  repeated: number
  /** What can be no id. */
  invalid: string[]
}

const idPattern = /^[0-9A-Za-z_-]+$/
/** Names of the column, the best first: a file of records has ids of records, too. */
const headers = [/^(device[\s_]?id|设备\s?id|设备编号)$/i, /^(id|编号)$/i]

export function parseIds(text: string): IdList {
  const rows = rowsOf(text.replace(/^\uFEFF/, ''))
  const column = columnOf(rows[0] ?? [])
  const cells =
    column === undefined ? rows.flat() : rows.slice(1).map((cells) => cells[column] ?? '')
  const seen = new Set<string>()
  const invalid = new Set<string>()
  let repeated = 0
  for (const cell of cells) {
    // A spreadsheet's guard before a leading sign (`'-d1`) is no part of the id.
    const id = cell.trim().replace(/^'(?=[-=+@])/, '')
    if (!id) continue
    if (!idPattern.test(id)) invalid.add(id)
    else if (seen.has(id)) repeated += 1
    else seen.add(id)
  }
  return { ids: [...seen], repeated, invalid: [...invalid] }
}

function columnOf(cells: string[]): number | undefined {
  for (const header of headers) {
    const at = cells.findIndex((cell) => header.test(cell.trim()))
    if (at >= 0) return at
  }
  return undefined
}

/** Lines and cells (RFC 4180); beside commas also tabs, semicolons and the Chinese signs separate. */
function rowsOf(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]!
    if (quoted) {
      if (sign !== '"') cell += sign
      else if (text[at + 1] === '"') {
        cell += '"'
        at += 1
      } else quoted = false
    } else if (sign === '"' && !cell.trim()) {
      quoted = true
      cell = ''
    } else if (',;\t，；、'.includes(sign)) {
      row.push(cell)
      cell = ''
    } else if (sign === '\n' || sign === '\r') {
      row.push(cell)
      rows.push(row)
      row = []
      cell = ''
    } else cell += sign
  }
  row.push(cell)
  rows.push(row)
  // Blanks separate only where no column can be meant: names of devices may have some.
  return rows.filter((cells) => cells.some((each) => each.trim())).map(spread)
}

function spread(cells: string[]): string[] {
  if (cells.length > 1 || columnOf(cells) !== undefined) return cells
  return cells[0]!.trim().split(/\s+/)
}

/** The text of a file; spreadsheets in China often write GBK. */
export async function textOfFile(file: Blob): Promise<string> {
  const bytes = await file.arrayBuffer()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('gb18030').decode(bytes)
  }
}
