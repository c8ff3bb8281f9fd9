/** All menus with their buttons, for granting. */
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, call } from '@/api/client'
import { currentLanguage } from '@/app/i18n'
import { grantMenus } from './grants'

export function useMenus() {
  const query = useQuery({
    queryKey: computed(() => ['menu', 'all', currentLanguage()]),
    queryFn: () => call(api.POST('/menu/_all/tree', { body: {} })),
  })
  return { menus: computed(() => grantMenus(query.data.value ?? [])), query }
}
