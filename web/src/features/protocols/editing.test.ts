import { describe, expect, it } from 'vitest'
import { countLines, indent, lineRange, newline, outdent, type Edit } from './editing'

/** `|` stands for the caret or the ends of the selection, before and after. */
function typed(edit: (text: string, start: number, end: number) => Edit, shown: string): string {
  const first = shown.indexOf('|')
  const last = shown.lastIndexOf('|')
  const text = shown.replaceAll('|', '')
  const end = last > first ? last - 1 : first
  const done = edit(text, first, end)
  const after = text.slice(0, done.from) + done.insert + text.slice(done.to)
  const marked = `${after.slice(0, done.start)}|${after.slice(done.start)}`
  if (done.start === done.end) return marked
  return `${marked.slice(0, done.end + 1)}|${marked.slice(done.end + 1)}`
}

describe('indent', () => {
  it('goes to the next column', () => {
    expect(typed(indent, 'a|b')).toBe('a |b')
    expect(typed(indent, '|ab')).toBe('  |ab')
    expect(typed(indent, 'x\n  |ab')).toBe('x\n    |ab')
  })

  it('moves all lines of a selection, and no empty one', () => {
    expect(typed(indent, 'x\na|b\n\nc|d\ny')).toBe('x\n|  ab\n\n  cd|\ny')
  })

  it('leaves a line alone in which the selection only begins', () => {
    expect(typed(indent, '|ab\n|cd')).toBe('|  ab|\ncd')
  })
})

describe('outdent', () => {
  it('takes blanks or a tab away and keeps the caret', () => {
    expect(typed(outdent, '    ab|c')).toBe('  ab|c')
    expect(typed(outdent, '\tab|c')).toBe('ab|c')
    expect(typed(outdent, ' |abc')).toBe('|abc')
    expect(typed(outdent, 'ab|c')).toBe('ab|c')
  })

  it('moves all lines of a selection', () => {
    expect(typed(outdent, '  a|b\n c|d')).toBe('|ab\ncd|')
  })
})

describe('newline', () => {
  it('keeps to the column of the line', () => {
    expect(typed(newline, '  local a = 1|')).toBe('  local a = 1\n  |')
  })

  it.each(['if a then|', 'for i = 1, 2 do|', 'return {|', 'decode = function(topic, payload)|'])(
    'goes further in after %s',
    (shown) => expect(typed(newline, shown)).toBe(`${shown.replace('|', '')}\n  |`),
  )

  it('looks at what stands before the caret only', () => {
    expect(typed(newline, 'a = 1 | -- then')).toBe('a = 1 \n| -- then')
  })
})

describe('lineRange', () => {
  it('finds a line, and the last one beyond the end', () => {
    expect(lineRange('ab\ncd\n', 2)).toEqual({ start: 3, end: 5 })
    expect(lineRange('ab\ncd', 9)).toEqual({ start: 3, end: 5 })
    expect(lineRange('', 1)).toEqual({ start: 0, end: 0 })
    expect(countLines('a\nb\n')).toBe(3)
  })
})
