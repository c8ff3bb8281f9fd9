/**
 * A list that lives in the address: search text, conditions, sort and page are query parameters, so that a link shows a
 * colleague the same rows and a reload keeps them. The rows come from the server page by page; nothing is ever fetched
 * whole.
 */
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, type ComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { contains, equals, group, oneOf, sortOf, type QueryParam, type Term } from '@/api/query'

/** A column that can be searched. */
export interface ListField {
  /** Column of the query language, `createTime`. */
  name: string
  label: string
  kind: 'text' | 'select' | 'time' | 'number'
  /** For `select`. */
  options?: { value: string; label: string }[]
  /** Searched by the text of the search box, too. */
  quick?: boolean
  /** Shown without being asked for. */
  pinned?: boolean
  /** Builds the terms itself, for columns that are no plain columns. */
  terms?: (value: string) => Term[]
}

export interface ListPage<Row> {
  data: Row[]
  total: number
  pageIndex: number
}

export interface ListOptions<Row> {
  /** Name in the cache; with `scope` it identifies the list. */
  key: string
  /** What else the rows depend on, such as the id of a task. */
  scope?: () => unknown
  fields: () => ListField[]
  fetch: (param: QueryParam, signal: AbortSignal) => Promise<ListPage<Row>>
  /** Conditions that always hold. */
  base?: () => Term[]
  /** `-createTime` = newest first. */
  sort?: string
  pageSize?: number
  /** Put before the query parameters when a page has several lists. */
  prefix?: string
  /** Milliseconds between reloads, for lists that no event announces. */
  refetchInterval?: number
}

/** A list as pages and DataTable use it. */
export type List<Row> = ReturnType<typeof useList<Row>>
/** What QueryBar needs of a list, whatever its rows are. */
export type Search = Omit<List<unknown>, 'rows'>

const separator = '..'

/** `a..b` of the address → from and to; either may be empty. */
export function rangeOf(text: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}

/** The terms of one condition of the address. */
export function termsOf(field: ListField, value: string): Term[] {
  if (field.terms) return field.terms(value)
  if (field.kind === 'text') return [contains(field.name, value)]
  if (field.kind === 'select') {
    return value.includes(',') ? [oneOf(field.name, value.split(','))] : [equals(field.name, value)]
  }
  const [from, to] = rangeOf(value)
  const terms: Term[] = []
  if (from) terms.push({ column: field.name, termType: 'gte', value: from, type: 'and' } as Term)
  if (to) terms.push({ column: field.name, termType: 'lte', value: to, type: 'and' } as Term)
  return terms
}

export function useList<Row>(options: ListOptions<Row>) {
  const route = useRoute()
  const router = useRouter()
  const prefix = options.prefix ?? ''
  const defaultSize = options.pageSize ?? 12

  const read = (name: string) => {
    const value = route.query[prefix + name]
    return typeof value === 'string' ? value : ''
  }
  const quick = computed(() => read('q'))
  const sort = computed(() => read('sort') || options.sort || '-createTime')
  const page = computed(() => Math.max(1, Number.parseInt(read('page')) || 1))
  const pageSize = computed(() =>
    Math.min(500, Math.max(1, Number.parseInt(read('size')) || defaultSize)),
  )
  const fields = computed(options.fields)
  /** Active conditions by field name. */
  const conditions: ComputedRef<Record<string, string>> = computed(() => {
    const active: Record<string, string> = {}
    for (const field of fields.value) {
      const value = read(`f.${field.name}`)
      if (value) active[field.name] = value
    }
    return active
  })
  const filtered = computed(() => !!quick.value || Object.keys(conditions.value).length > 0)

  /** The conditions as terms, for acts on "all that match", exports and counts. */
  const terms = computed(() => {
    const all = [...(options.base?.() ?? [])]
    if (quick.value) {
      const any = fields.value.filter((field) => field.quick)
      all.push(group(any.map((field) => contains(field.name, quick.value, 'or'))))
    }
    for (const field of fields.value) {
      const value = conditions.value[field.name]
      if (value) all.push(group(termsOf(field, value)))
    }
    return all
  })
  const param = computed<QueryParam>(() => ({
    pageIndex: page.value - 1,
    pageSize: pageSize.value,
    sorts: [sortOf(sort.value)],
    terms: terms.value,
  }))

  const query = useQuery({
    queryKey: computed(() => [options.key, options.scope?.(), param.value]),
    queryFn: ({ signal }) => options.fetch(param.value, signal),
    placeholderData: keepPreviousData,
    refetchInterval: options.refetchInterval,
  })
  const rows = computed<Row[]>(() => (query.data.value?.data as Row[] | undefined) ?? [])
  const total = computed(() => query.data.value?.total ?? 0)

  /** Changes query parameters of the address; `undefined` or '' removes one. Everything but `page` goes to page 1. */
  function change(values: Record<string, string | undefined>) {
    const next = { ...route.query }
    if (!('page' in values)) delete next[`${prefix}page`]
    for (const [name, value] of Object.entries(values)) {
      if (value) next[prefix + name] = value
      else delete next[prefix + name]
    }
    return router.replace({ query: next, hash: route.hash })
  }
  const setQuick = (text: string) => change({ q: text })
  const setCondition = (name: string, value?: string) => change({ [`f.${name}`]: value })
  const setSort = (value?: string) => change({ sort: value })
  const setPage = (number: number, size: number) =>
    change({
      page: number > 1 ? String(number) : undefined,
      size: size === defaultSize ? undefined : String(size),
    })
  function clear() {
    const values: Record<string, undefined> = { q: undefined }
    for (const field of fields.value) values[`f.${field.name}`] = undefined
    return change(values)
  }
  /** The search (without page) as it stands in the address, for saving. */
  function snapshot(): Record<string, string> {
    const values: Record<string, string> = {}
    if (quick.value) values.q = quick.value
    if (read('sort')) values.sort = read('sort')
    for (const [name, value] of Object.entries(conditions.value)) values[`f.${name}`] = value
    return values
  }
  async function restore(values: Record<string, string>) {
    const next: Record<string, string | undefined> = { q: undefined, sort: undefined }
    for (const field of fields.value) next[`f.${field.name}`] = undefined
    await change({ ...next, ...values })
  }

  return {
    key: options.key,
    rows,
    total,
    fields,
    quick,
    sort,
    page,
    pageSize,
    conditions,
    filtered,
    terms,
    param,
    loading: query.isPending,
    fetching: query.isFetching,
    error: query.error,
    refetch: query.refetch,
    setQuick,
    setCondition,
    setSort,
    setPage,
    clear,
    snapshot,
    restore,
  }
}
