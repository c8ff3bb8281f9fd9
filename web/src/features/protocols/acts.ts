/** What operators do with a protocol package. */
import { useQueryClient } from '@tanstack/vue-query'
import { ref } from 'vue'
import { api, ApiError, call } from '@/api/client'
import { useFeedback } from '@/ui'

export function useProtocolActs() {
  const { attempt, done, failed } = useFeedback()
  const client = useQueryClient()
  /** Features of products hang on their protocol. */
  const reload = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ['protocol'] }),
      client.invalidateQueries({ queryKey: ['product'] }),
    ])
  /** Why the last act was refused, as long as the dialog about it is open. */
  const refusal = ref<ApiError | null>(null)

  async function guarded(act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act()
    } catch (error) {
      if (error instanceof ApiError && error.references.length) refusal.value = error
      else failed(error)
      return false
    }
    done()
    return true
  }

  async function setEnabled(id: string, enabled: boolean) {
    const params = { path: { id } }
    await guarded(() =>
      enabled
        ? call(api.POST('/protocol/{id}/_deploy', { params }))
        : call(api.POST('/protocol/{id}/_un-deploy', { params })),
    )
    await reload()
  }

  /** Answers whether it is gone. */
  async function remove(id: string): Promise<boolean> {
    const gone = await guarded(() =>
      call(api.DELETE('/protocol/{id}', { params: { path: { id } } })),
    )
    if (gone) client.removeQueries({ queryKey: ['protocol', 'detail', id] })
    await reload()
    return gone
  }

  async function install() {
    await attempt(() => call(api.POST('/protocol/default-protocol/_save')))
    await reload()
  }

  return { setEnabled, remove, install, refusal, reload }
}
