/** What the chosen protocol and transport ask for and can do, for the product form. */
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, call } from '@/api/client'
import { allTransports, supportsFirmware, type ConfigMetadata } from './model'

export function useProtocols() {
  const query = useQuery({
    queryKey: ['protocol', 'supports'],
    queryFn: ({ signal }) => call(api.GET('/protocol/supports', { signal })),
  })
  return computed(() =>
    (query.data.value ?? []).map(({ id, name }) => ({ value: id, label: name })),
  )
}

export function useProtocol(id: () => string | undefined, transport: () => string | undefined) {
  const transports = useQuery({
    queryKey: computed(() => ['protocol', id(), 'transports']),
    enabled: computed(() => !!id()),
    queryFn: ({ signal }) =>
      call(api.GET('/protocol/{id}/transports', { params: { path: { id: id()! } }, signal })),
  })
  const metadata = useQuery({
    queryKey: computed(() => ['protocol', id(), 'configuration', transport()]),
    enabled: computed(() => !!id() && !!transport()),
    queryFn: async ({ signal }) =>
      // null: the protocol asks for nothing (a query must not answer undefined).
      (await call(
        api.GET('/protocol/{id}/{transport}/configuration', {
          params: { path: { id: id()!, transport: transport()! } },
          signal,
        }),
      )) ?? null,
  })
  const detail = useQuery({
    queryKey: computed(() => ['protocol', id(), 'transport', transport()]),
    enabled: computed(() => !!id() && !!transport()),
    queryFn: async ({ signal }) =>
      (await call(
        api.GET('/protocol/{id}/transport/{transport}', {
          params: { path: { id: id()!, transport: transport()! } },
          signal,
        }),
      )) ?? null,
  })

  /** The transports that the package serves; undefined while they are not known. */
  const declared = computed(() => transports.data.value?.map((each) => each.id))
  const options = computed(() => {
    const known = declared.value ?? []
    return (known.length ? known : allTransports).map((value) => ({ value, label: value }))
  })
  const groups = computed<ConfigMetadata[]>(() =>
    metadata.data.value ? [metadata.data.value] : [],
  )
  /** undefined while it is not known. */
  const upgradable = computed(() =>
    detail.data.value ? supportsFirmware(detail.data.value) : undefined,
  )
  return { options, declared, groups, upgradable }
}
