import { describe, expect, it } from 'vitest'
import { allMessages, type Messages } from './i18n'

function keys(messages: Messages, path = ''): string[] {
  return Object.entries(messages).flatMap(([key, value]) =>
    typeof value === 'string' ? [`${path}${key}`] : keys(value, `${path}${key}.`),
  )
}
function texts(messages: Messages): string[] {
  return Object.values(messages).flatMap((value) =>
    typeof value === 'string' ? [value] : texts(value),
  )
}
const sources = import.meta.glob<string>(['../**/*.vue', '../**/*.ts', '!../**/*.test.ts'], {
  eager: true,
  query: '?raw',
  import: 'default',
})

describe('the messages', () => {
  it('are complete in both languages', () => {
    expect(keys(allMessages['en-US']).sort()).toEqual(keys(allMessages['zh-CN']).sort())
  })

  it('have no empty text and no Chinese in the English ones', () => {
    const english = texts(allMessages['en-US'])
    expect(english.filter((text) => !text.trim())).toEqual([])
    expect(english.filter((text) => text !== '中文' && /[\u4e00-\u9fff]/.test(text))).toEqual([])
  })

  it('hold every key that a page asks for', () => {
    const known = new Set(keys(allMessages['en-US']))
    const missing: string[] = []
    for (const [file, source] of Object.entries(sources)) {
      for (const match of source.matchAll(/(?<![\w.])\$?t[e]?\(\s*'([\w.]+)'/g)) {
        if (!known.has(match[1]!)) missing.push(`${file}: ${match[1]}`)
      }
    }
    expect(missing).toEqual([])
  })
})
