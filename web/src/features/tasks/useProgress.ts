/** Progress of a task over time: read once, then continued by each change of the task. */
import { useQuery } from '@tanstack/vue-query'
import { computed, ref, watch, type ComputedRef } from 'vue'
import { getProgress, keys } from './contract'
import type { Task } from './model'
import { withSample, type Sample } from './pace'
import { held, joined, pointOf, withLive, type Point } from './progress'

/** While the page is open the server's points are read again so often; live points fill the time between. */
const reread = 5 * 60_000
const defaultInterval = 10

export function useProgress(taskId: string, task: ComputedRef<Task | undefined>) {
  const query = useQuery({
    queryKey: keys.progress(taskId),
    queryFn: async ({ signal }) => {
      const progress = await getProgress(taskId, signal)
      const last = progress.points.at(-1)
      // Live points carry the server's time, too: its last point is of now.
      return { ...progress, offset: last ? Date.now() - last.timestamp : 0 }
    },
    staleTime: reread,
    refetchInterval: reread,
  })
  const live = ref<Point[]>([])
  const samples = ref<Sample[]>([])

  watch(
    () => query.data.value,
    (progress) => {
      if (!progress) return
      const last = progress.points.at(-1)
      live.value = live.value.filter((point) => point.timestamp > (last?.timestamp ?? 0))
      // They reach up to now: what this page has seen itself before is among them.
      samples.value = progress.points
        .map((point) => sampleOf(point, progress.offset))
        .reduce<Sample[]>((all, sample) => withSample(all, sample), [])
    },
    { immediate: true },
  )
  watch(
    task,
    (now) => {
      if (!now) return
      const offset = query.data.value?.offset ?? 0
      const point = pointOf(now, Date.now() - offset)
      const interval = query.data.value?.intervalSeconds ?? defaultInterval
      live.value = withLive(live.value, point, interval)
      samples.value = withSample(samples.value, sampleOf(point, offset))
    },
    { immediate: true },
  )
  const points = computed(() =>
    held(
      joined(query.data.value?.points ?? [], live.value),
      query.data.value?.intervalSeconds ?? defaultInterval,
    ),
  )
  return { query, points, samples }
}

function sampleOf(point: Point, offset: number): Sample {
  return { at: point.timestamp + offset, done: point.success + point.failed }
}
