/** Names of the roles by id; empty for who may not query roles. */
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, call } from '@/api/client'
import { useSession } from '@/app/session'

export function useRoleNames() {
  const session = useSession()
  const query = useQuery({
    queryKey: ['role', 'names'],
    enabled: computed(() => session.can('role', 'query')),
    queryFn: () =>
      call(
        api.POST('/role/_query/no-paging', {
          body: { paging: false, sorts: [{ name: 'name', order: 'asc' }] },
        }),
      ),
  })
  return computed(() => new Map((query.data.value ?? []).map((role) => [role.id, role.name])))
}
