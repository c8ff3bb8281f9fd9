/** Asks the server what a task would meet, a moment after the choice of devices has changed. */
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose, ref, watch, type Ref } from 'vue'
import { api, call, type Schemas } from '@/api/client'

type Body = Schemas['TaskWrite']
const pause = 400

/** `body` is null while no devices are chosen. `settled` says that what is shown is of the present choice. */
export function usePreview(body: Ref<Body | null>) {
  const asked = ref<{ body: Body | null; text: string }>({ body: null, text: 'null' })
  let timer: ReturnType<typeof setTimeout> | undefined
  const text = computed(() => JSON.stringify(body.value))
  watch(
    text,
    () => {
      clearTimeout(timer)
      timer = setTimeout(() => (asked.value = { body: body.value, text: text.value }), pause)
    },
    { immediate: true },
  )
  onScopeDispose(() => clearTimeout(timer))

  const query = useQuery({
    queryKey: computed(() => ['task', 'preview', asked.value.text]),
    enabled: computed(() => asked.value.body !== null),
    queryFn: ({ signal }) =>
      call(api.POST('/firmware/upgrade/task/_preview', { body: asked.value.body!, signal })),
    placeholderData: keepPreviousData,
    staleTime: 0,
    gcTime: 60_000, // the key holds every id: not for long
  })
  const settled = computed(
    () =>
      asked.value.text === text.value && query.isSuccess.value && !query.isPlaceholderData.value,
  )
  const loading = computed(() => asked.value.text !== text.value || query.isFetching.value)
  return { query, settled, loading }
}
