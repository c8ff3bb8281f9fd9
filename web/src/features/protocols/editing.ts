/** What the keys of a script editor do to its text. */

/** Replaces the characters from `from` to `to`; afterwards `start` to `end` are selected. */
export interface Edit {
  from: number
  to: number
  insert: string
  start: number
  end: number
}

const unit = '  '

/** Tab: blanks up to the next column, or every line of the selection moved to the right. */
export function indent(text: string, start: number, end: number): Edit {
  const from = lineStart(text, start)
  if (!text.slice(start, end).includes('\n')) {
    const insert = unit.slice((start - from) % unit.length)
    return {
      from: start,
      to: end,
      insert,
      start: start + insert.length,
      end: start + insert.length,
    }
  }
  const to = lastTouched(text, start, end)
  const insert = text
    .slice(from, to)
    .split('\n')
    .map((line) => (line ? unit + line : line))
    .join('\n')
  return { from, to, insert, start: from, end: from + insert.length }
}

/** Shift and Tab: every line of the selection moved to the left. */
export function outdent(text: string, start: number, end: number): Edit {
  const from = lineStart(text, start)
  const to = lastTouched(text, start, end)
  const lines = text.slice(from, to).split('\n')
  const shorter = lines.map((line) => line.replace(/^( {1,2}|\t)/, ''))
  const insert = shorter.join('\n')
  if (lines.length > 1) return { from, to, insert, start: from, end: from + insert.length }
  const moved = lines[0]!.length - insert.length
  return {
    from,
    to,
    insert,
    start: Math.max(from, start - moved),
    end: Math.max(from, end - moved),
  }
}

/** Enter: the new line begins where the text of this one does, or further in after what opens a block. */
export function newline(text: string, start: number, end: number): Edit {
  const line = text.slice(lineStart(text, start), start)
  const opens = /(\b(then|do|else|repeat)|[{(]|\bfunction\b[^)]*\))\s*$/.test(line)
  const insert = `\n${/^[ \t]*/.exec(line)![0]}${opens ? unit : ''}`
  return { from: start, to: end, insert, start: start + insert.length, end: start + insert.length }
}

/** Where line `line` (from 1) begins and ends; the last line for one beyond it. */
export function lineRange(text: string, line: number): { start: number; end: number } {
  let start = 0
  for (let at = 1; at < line; at += 1) {
    const next = text.indexOf('\n', start)
    if (next < 0) break
    start = next + 1
  }
  const end = text.indexOf('\n', start)
  return { start, end: end < 0 ? text.length : end }
}

export const countLines = (text: string) => text.split('\n').length

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1
}

/** The end of the last line that the selection touches; one in which it only begins is not touched. */
function lastTouched(text: string, start: number, end: number): number {
  const last = end > start && text[end - 1] === '\n' ? end - 1 : end
  const next = text.indexOf('\n', last)
  return next < 0 ? text.length : next
}
