/** One device, kept as the server's events tell it. */
import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, call, type Schemas } from '@/api/client'
import { useLive } from '@/api/events'

export function useDevice(id: () => string) {
  return useQuery({
    queryKey: computed(() => ['device', 'detail', id()]),
    queryFn: ({ signal }) =>
      call(api.GET('/device-instance/{id}/detail', { params: { path: { id: id() } }, signal })),
  })
}

/** The keys that this device's protocol asks for. */
export function useDeviceMetadata(id: () => string) {
  return useQuery({
    queryKey: computed(() => ['device', 'metadata', id()]),
    queryFn: ({ signal }) =>
      call(
        api.GET('/device-instance/{id}/config-metadata', {
          params: { path: { id: id() } },
          signal,
        }),
      ),
  })
}

/** How long changes are gathered before the device is read again. */
const gather = 500

/** Reads the device and what hangs on it again whenever something happens to it. */
export function useDeviceLive(id: () => string) {
  const client = useQueryClient()
  let timer: ReturnType<typeof setTimeout> | undefined
  function later() {
    timer ??= setTimeout(() => {
      timer = undefined
      void client.invalidateQueries({ queryKey: ['device', 'detail', id()] })
      void client.invalidateQueries({ queryKey: ['device', 'timeline', id()] })
      void client.invalidateQueries({ queryKey: ['record', 'device', id()] })
    }, gather)
  }
  return useLive(
    {},
    ({ event, data }) => {
      const about =
        event === 'device'
          ? (data as Schemas['DeviceEvent']).id
          : event === 'record'
            ? (data as Schemas['Record']).deviceId
            : undefined
      if (about === id()) later()
    },
    later,
  )
}
