/** The products as choices of forms and filters. */
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, call } from '@/api/client'

/** All products by name; `label` says name and id, because names may repeat. */
export function useProductOptions() {
  const query = useQuery({
    queryKey: ['product', 'options'],
    queryFn: ({ signal }) =>
      call(
        api.POST('/device-product/_query/no-paging', {
          body: { paging: false, sorts: [{ name: 'name', order: 'asc' }] },
          signal,
        }),
      ),
  })
  const options = computed(() =>
    (query.data.value ?? []).map((product) => ({
      value: product.id,
      label: product.name === product.id ? product.id : `${product.name} (${product.id})`,
    })),
  )
  return { options, products: query.data, loading: query.isPending }
}
