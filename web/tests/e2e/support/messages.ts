/** The console's own texts: tests find parts of a page by the names that people read. */
import common from '@/app/messages'

export type Language = 'zh-CN' | 'en-US'
export const languages: Language[] = ['zh-CN', 'en-US']

interface Tree {
  [key: string]: string | Tree
}
const features = import.meta.glob<{ default: { zh: Tree; en: Tree } }>(
  '../../../src/features/*/messages.ts',
  { eager: true },
)

const all: Record<Language, Tree> = { 'zh-CN': { ...common.zh }, 'en-US': { ...common.en } }
for (const [path, module] of Object.entries(features)) {
  const name = path.split('/').at(-2)!
  all['zh-CN'][name] = module.default.zh
  all['en-US'][name] = module.default.en
}

/** The text of `key` in a language; `{name}` is replaced by `values.name`. An unknown key fails the test. */
export function text(
  language: Language,
  key: string,
  values: Record<string, unknown> = {},
): string {
  let found: string | Tree | undefined = all[language]
  for (const part of key.split('.')) found = typeof found === 'object' ? found[part] : undefined
  if (typeof found !== 'string') throw new Error(`no message ${key} in ${language}`)
  return found.replace(/\{(\w+)\}/g, (whole, name) =>
    name in values ? String(values[name]) : whole,
  )
}
