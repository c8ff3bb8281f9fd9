/**
 * The two languages. Every feature brings its messages in `features/<name>/messages.ts` as `{ zh, en }`; this module
 * joins them under the feature's name: `t('firmware.add')`.
 */
import { createI18n } from 'vue-i18n'
import { credentials } from '@/api/client'
import common from './messages'

export type Language = 'zh-CN' | 'en-US'
export interface Messages {
  [key: string]: string | Messages
}

/** Messages of one feature in both languages; the type checker compares their keys. */
export function messages<T extends Messages>(both: { zh: T; en: SameKeys<T> }) {
  return both
}
type SameKeys<T> = { [K in keyof T]: T[K] extends string ? string : SameKeys<T[K]> }

const features = import.meta.glob<{ default: { zh: Messages; en: Messages } }>(
  '../features/*/messages.ts',
  { eager: true },
)

const all: Record<Language, Messages> = { 'zh-CN': { ...common.zh }, 'en-US': { ...common.en } }
for (const [path, module] of Object.entries(features)) {
  const name = path.split('/').at(-2)!
  all['zh-CN'][name] = module.default.zh
  all['en-US'][name] = module.default.en
}

/** Every text of the console, by language; the tests walk through it. */
export const allMessages = all

const storageKey = 'updraft.language'

function firstLanguage(): Language {
  const stored = localStorage.getItem(storageKey)
  if (stored === 'zh-CN' || stored === 'en-US') return stored
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en-US'
}

export const i18n = createI18n<[Messages], Language, false>({
  legacy: false,
  locale: firstLanguage(),
  fallbackLocale: 'en-US',
  messages: all as never,
})

/** Switches the language without a reload; the server is asked in it from now on. */
export function setLanguage(language: Language) {
  i18n.global.locale.value = language as never
  localStorage.setItem(storageKey, language)
  applyLanguage()
}

export function currentLanguage(): Language {
  return i18n.global.locale.value as Language
}

export function applyLanguage() {
  document.documentElement.lang = currentLanguage()
  credentials.language = currentLanguage()
}
applyLanguage()
