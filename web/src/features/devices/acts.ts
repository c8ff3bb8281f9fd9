/** What operators do with devices: one by one and many at once. */
import { useQueryClient } from '@tanstack/vue-query'
import { useI18n } from 'vue-i18n'
import { api, call } from '@/api/client'
import { useFeedback } from '@/ui'

/** How many devices one request names; more are sent in several. */
const batch = 1000

/** Parts of at most `size` entries. */
export function inParts<T>(all: T[], size = batch): T[][] {
  const parts: T[][] = []
  for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size))
  return parts
}

export function useDeviceActs() {
  const { t } = useI18n()
  const { attempt, done, failed } = useFeedback()
  const client = useQueryClient()
  const reload = () => client.invalidateQueries({ queryKey: ['device'] })

  async function setEnabled(id: string, enabled: boolean): Promise<boolean> {
    const params = { path: { id } }
    return attempt(async () => {
      if (enabled) await call(api.POST('/device-instance/{id}/deploy', { params }))
      else await call(api.POST('/device-instance/{id}/undeploy', { params }))
      await reload()
    })
  }

  async function remove(id: string): Promise<boolean> {
    return attempt(async () => {
      await call(api.DELETE('/device-instance/{id}', { params: { path: { id } } }))
      // Its page may still be open: what is gone must not be read again.
      for (const part of ['detail', 'timeline', 'metadata']) {
        client.removeQueries({ queryKey: ['device', part, id] })
      }
      await reload()
    })
  }

  /** Runs one of the batch acts and says for how many of the devices it worked. Answers whether it worked at all. */
  async function many(ids: string[], act: 'enable' | 'disable' | 'delete'): Promise<boolean> {
    const acts = {
      enable: (body: string[]) => api.PUT('/device-instance/batch/_deploy', { body }),
      disable: (body: string[]) => api.PUT('/device-instance/batch/_unDeploy', { body }),
      delete: (body: string[]) => api.PUT('/device-instance/batch/_delete', { body }),
    }
    try {
      let count = 0
      for (const part of inParts(ids)) count += (await call(acts[act](part))) ?? 0
      const rest = ids.length - count
      if (act === 'delete' && rest > 0) done(t('devices.deletedSome', { n: count, rest }))
      else done(t('devices.changed', { n: count }))
      return true
    } catch (error) {
      failed(error)
      return false
    } finally {
      await reload()
    }
  }

  return { setEnabled, remove, many }
}
