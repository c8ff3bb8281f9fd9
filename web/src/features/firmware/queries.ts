/** What the firmware pages read. */
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, call } from '@/api/client'
import { equals, oneOf } from '@/api/query'
import { useSession } from '@/app/session'

/** Products a select offers at most; beyond that its search narrows nothing down. */
const productsMax = 1000

/** The form thaws by itself once the last device is done. */
const activeInterval = 10_000

/** All products by name, for the condition of the list; empty for who may not see products. */
export function useProductOptions() {
  const session = useSession()
  const query = useQuery({
    queryKey: ['product', 'options'],
    enabled: computed(() => session.can('device-product', 'query')),
    queryFn: async ({ signal }) => {
      const page = await call(
        api.POST('/device-product/_query', {
          body: {
            pageSize: productsMax,
            includes: ['id', 'name'],
            sorts: [{ name: 'name', order: 'asc' }],
          },
          signal,
        }),
      )
      return page.data.map(({ id, name }) => ({ value: id, label: name }))
    },
  })
  return computed(() => query.data.value ?? [])
}

/** Products that a firmware can be made for (row 8): published, and their transport supports it. */
export function useUpgradableProducts() {
  return useQuery({
    queryKey: ['product', 'upgradable'],
    queryFn: async ({ signal }) => {
      const page = await call(
        api.POST('/device-product/detail/_query', {
          body: {
            pageSize: productsMax,
            sorts: [{ name: 'name', order: 'asc' }],
            terms: [equals('state', 1)],
          },
          signal,
        }),
      )
      return page.data
        .filter((product) => product.features.some((feature) => feature.id === 'supportFirmware'))
        .map(({ id, name }) => ({ value: id, label: name }))
    },
  })
}

/** @param fresh Ask the server even if the row is in the cache. */
export function useFirmware(id: () => string | undefined, fresh = false) {
  return useQuery({
    refetchOnMount: fresh ? 'always' : true,
    queryKey: computed(() => ['firmware', 'one', id()]),
    enabled: computed(() => !!id()),
    queryFn: ({ signal }) =>
      call(api.GET('/firmware/{id}', { params: { path: { id: id()! } }, signal })),
  })
}

/** How many devices wait for the firmware or install it: while there are any, it is frozen (row 23). */
export function useActiveUpgrades(id: () => string | undefined) {
  const session = useSession()
  const query = useQuery({
    queryKey: computed(() => ['record', 'active', id()]),
    refetchInterval: activeInterval,
    enabled: computed(() => !!id() && session.can('firmware-upgrade-task-manager', 'query')),
    queryFn: ({ signal }) =>
      call(
        api.POST('/firmware/upgrade/history/_count', {
          body: {
            terms: [equals('firmwareId', id()), oneOf('state', ['waiting', 'processing'])],
          },
          signal,
        }),
      ),
  })
  return computed(() => query.data.value ?? 0)
}
