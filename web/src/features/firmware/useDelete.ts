/** Deleting a firmware: what stands in the way is kept for the dialog that leads there. */
import { useQueryClient } from '@tanstack/vue-query'
import { ref } from 'vue'
import { api, ApiError, call, type Reference } from '@/api/client'
import { useFeedback } from '@/ui'

export interface Refusal {
  message: string
  references: Reference[]
}

export function useDeleteFirmware() {
  const client = useQueryClient()
  const { done, failed } = useFeedback()
  const refusal = ref<Refusal | null>(null)

  /** Answers whether it is gone. */
  async function remove(id: string): Promise<boolean> {
    try {
      await call(api.DELETE('/firmware/{id}', { params: { path: { id } } }))
    } catch (error) {
      if (error instanceof ApiError && error.references.length) {
        refusal.value = { message: error.message, references: error.references }
      } else failed(error)
      return false
    }
    done()
    client.removeQueries({ queryKey: ['firmware', 'one', id] })
    await client.invalidateQueries({ queryKey: ['firmware'] })
    return true
  }

  return { refusal, remove }
}
