/** One product with the numbers behind it. */
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, call } from '@/api/client'
import { equals } from '@/api/query'
import { useSession } from '@/app/session'

/** The product as the list shows it: with features, configuration metadata and the number of devices. */
export function useProduct(id: () => string) {
  return useQuery({
    queryKey: computed(() => ['product', 'detail', id()]),
    queryFn: async ({ signal }) => {
      const body = { pageSize: 1, terms: [equals('id', id())] }
      const page = await call(api.POST('/device-product/detail/_query', { body, signal }))
      // Nothing found: the row's own address says so in the server's words.
      if (!page.data[0])
        await call(api.GET('/device-product/{id}', { params: { path: { id: id() } }, signal }))
      return page.data[0] ?? null
    },
  })
}

const deviceStates = ['online', 'offline', 'notActive'] as const

/** How many of its devices are in each state, and how many firmwares it has; what may not be asked is absent. */
export function useProductCounts(id: () => string) {
  const session = useSession()
  const devices = useQuery({
    queryKey: computed(() => ['device', 'counts', id()]),
    enabled: computed(() => session.can('device-instance', 'query')),
    queryFn: async ({ signal }) => {
      const counts = await Promise.all(
        deviceStates.map((state) =>
          call(
            api.POST('/device-instance/_count', {
              body: { terms: [equals('productId', id()), equals('state', state)] },
              signal,
            }),
          ),
        ),
      )
      return deviceStates.map((state, index) => ({ state, count: counts[index] ?? 0 }))
    },
  })
  const firmwares = useQuery({
    queryKey: computed(() => ['firmware', 'count', id()]),
    enabled: computed(() => session.can('firmware-manager', 'query')),
    queryFn: ({ signal }) =>
      call(api.POST('/firmware/_count', { body: { terms: [equals('productId', id())] }, signal })),
  })
  return { devices: devices.data, firmwares: firmwares.data }
}
