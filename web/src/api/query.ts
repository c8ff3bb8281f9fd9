/** Builds the conditions of the query language (spec 2.3) that the lists send. */
import type { Schemas } from './client'

export type QueryParam = NonNullable<Schemas['QueryParam']>
export type Term = Schemas['Term']

/** `like` is sent with its wildcards by the client; what the user typed is taken literally. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (sign) => `\\${sign}`)
}

/** The column contains the text. */
export function contains(column: string, text: string, type: 'and' | 'or' = 'and'): Term {
  return { column, termType: 'like', value: `%${escapeLike(text)}%`, type } as Term
}

export function equals(column: string, value: unknown, type: 'and' | 'or' = 'and'): Term {
  return { column, termType: 'eq', value, type } as Term
}

export function oneOf(column: string, values: unknown[], type: 'and' | 'or' = 'and'): Term {
  return { column, termType: 'in', value: values, type } as Term
}

/** All of the terms hold: the group is put in parentheses. */
export function group(terms: Term[], type: 'and' | 'or' = 'and'): Term {
  return { terms, type } as Term
}

/** `-createTime` or `name` as the list's address writes it → a sort. */
export function sortOf(text: string): { name: string; order: 'asc' | 'desc' } {
  return text.startsWith('-')
    ? { name: text.slice(1), order: 'desc' }
    : { name: text, order: 'asc' }
}
