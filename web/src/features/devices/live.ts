/** Keeps devices on the page as the server's events tell them. */
import { useQueryClient } from '@tanstack/vue-query'
import { onScopeDispose, type Ref } from 'vue'
import type { Schemas } from '@/api/client'
import { useLive, type LinkState } from '@/api/events'

type DeviceEvent = Schemas['DeviceEvent']
type Row = Pick<Schemas['Device'], 'id' | 'state'>
interface Rows {
  data: Row[]
}

/** How long changes are gathered before the rows are read again. */
const gather = 2000

/** The rows of `page` with the new state of one device; the same object when it is on none of them. */
export function withState<T extends Rows>(page: T, event: Pick<DeviceEvent, 'id' | 'state'>): T {
  if (!page.data.some((row) => row.id === event.id)) return page
  return {
    ...page,
    data: page.data.map((row) => (row.id === event.id ? { ...row, state: event.state } : row)),
  }
}

/**
 * Shows connections of the listed devices at once; their other members are read again, at most every two seconds,
 * when an upgrade of one of them ended.
 */
export function useLiveDevices(visible: () => string[], refetch: () => unknown): Ref<LinkState> {
  const client = useQueryClient()
  let timer: ReturnType<typeof setTimeout> | undefined
  onScopeDispose(() => clearTimeout(timer))

  function later() {
    timer ??= setTimeout(() => {
      timer = undefined
      void refetch()
    }, gather)
  }
  return useLive(
    {},
    ({ event, data }) => {
      if (event === 'device') {
        const change = data as DeviceEvent
        if (!visible().includes(change.id)) return
        client.setQueriesData<Rows>({ queryKey: ['device'] }, (page) =>
          page && Array.isArray(page.data) ? withState(page, change) : page,
        )
      }
      if (event === 'record') {
        const record = data as Schemas['Record']
        if (record.state.value === 'success' && visible().includes(record.deviceId)) later()
      }
    },
    () => void refetch(),
  )
}
