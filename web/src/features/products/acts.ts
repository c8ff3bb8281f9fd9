/** What operators do with a product. */
import { useQueryClient } from '@tanstack/vue-query'
import { ref } from 'vue'
import { api, ApiError, call } from '@/api/client'
import { useFeedback } from '@/ui'

export function useProductActs() {
  const { attempt, done, failed } = useFeedback()
  const client = useQueryClient()
  const reload = () => client.invalidateQueries({ queryKey: ['product'] })
  /** Why the last deletion was refused, as long as the dialog about it is open. */
  const refusal = ref<ApiError | null>(null)

  async function setEnabled(id: string, enabled: boolean): Promise<boolean> {
    const params = { path: { id } }
    return attempt(async () => {
      if (enabled) await call(api.POST('/device-product/{id}/deploy', { params }))
      else await call(api.POST('/device-product/{id}/undeploy', { params }))
      await reload()
    })
  }

  /** Answers whether it is gone. */
  async function remove(id: string): Promise<boolean> {
    try {
      await call(api.DELETE('/device-product/{id}', { params: { path: { id } } }))
    } catch (error) {
      if (error instanceof ApiError && error.references.length) refusal.value = error
      else failed(error)
      return false
    }
    done()
    client.removeQueries({ queryKey: ['product', 'detail', id] })
    await reload()
    return true
  }

  return { setEnabled, remove, refusal }
}
