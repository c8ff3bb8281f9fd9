/** Searches that a user keeps on the server, so that they are there in every browser. */
import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, call } from '@/api/client'

export interface SavedSearch {
  key: string
  name: string
  /** Query parameters of the list. */
  values: Record<string, string>
}

/** @param kind Which list; searches of other lists stay apart. undefined = the list has none. */
export function useSavedSearches(kind: () => string | undefined) {
  const client = useQueryClient()
  const type = computed(() => `console-search-${kind() ?? ''}`)
  const key = computed(() => ['saved-searches', type.value])

  const query = useQuery({
    queryKey: key,
    enabled: computed(() => !!kind()),
    queryFn: async () => {
      const rows = await call(
        api.GET('/user/settings/{type}', { params: { path: { type: type.value } } }),
      )
      return rows.flatMap((row): SavedSearch[] => {
        const values = parse(row.content)
        return values ? [{ key: row.key, name: row.name ?? row.key, values }] : []
      })
    },
  })
  const searches = computed(() => query.data.value ?? [])
  const reload = () => client.invalidateQueries({ queryKey: key.value })

  async function save(name: string, values: Record<string, string>) {
    await call(
      api.POST('/user/settings/{type}', {
        params: { path: { type: type.value } },
        body: { name, content: JSON.stringify(values) },
      }),
    )
    await reload()
  }

  async function remove(searchKey: string) {
    await call(
      api.DELETE('/user/settings/{type}/{key}', {
        params: { path: { type: type.value, key: searchKey } },
      }),
    )
    await reload()
  }

  return { searches, save, remove }
}

function parse(content?: string): Record<string, string> | null {
  try {
    return JSON.parse(content ?? '') as Record<string, string>
  } catch {
    return null
  }
}
