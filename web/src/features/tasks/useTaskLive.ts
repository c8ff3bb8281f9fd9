/** Keeps everything that a task's page shows up to date with the live events of that task. */
import { useQueryClient } from '@tanstack/vue-query'
import { onScopeDispose } from 'vue'
import { useLive } from '@/api/events'
import type { ListPage } from '@/ui'
import { keys } from './contract'
import { atMostEvery, Gatherer, mergeRows, refetchInterval } from './live'
import type { Task, TaskRecord } from './model'

export interface TaskLiveOptions {
  taskId: string
  /** Reads the page of records on the screen again. */
  refetchRecords: () => unknown
  /** Milliseconds that this read took the last time: what is slow is read less often. */
  recordsCost: () => number
  onTask?: (task: Task) => void
}

/** A read of records takes at most this part of the time while a rollout runs. */
const shareOfTime = 5

export function useTaskLive(options: TaskLiveOptions) {
  const client = useQueryClient()
  const { taskId } = options

  const records = atMostEvery(
    () => Math.max(refetchInterval, options.recordsCost() * shareOfTime),
    () => void options.refetchRecords(),
  )
  const failures = atMostEvery(
    refetchInterval,
    () => void client.invalidateQueries({ queryKey: keys.failures(taskId) }),
  )

  const tasks = new Gatherer<Task>((changed) => {
    const now = changed.get(taskId)
    if (!now) return
    const before = client.getQueryData<Task>(keys.task(taskId))
    client.setQueryData(keys.task(taskId), now)
    // Its answer may be older than this event.
    if (client.isFetching({ queryKey: keys.task(taskId) })) refetchTask()
    if (before && countersOf(before) !== countersOf(now)) records()
    if (before && before.failed !== now.failed) failures()
    options.onTask?.(now)
  })
  const refetchTask = atMostEvery(
    refetchInterval,
    () => void client.invalidateQueries({ queryKey: keys.task(taskId) }),
  )

  const changedRecords = new Gatherer<TaskRecord>((changed) => {
    client.setQueriesData<ListPage<TaskRecord>>(
      { queryKey: keys.records(taskId) },
      (page) => page && mergeRows(page, changed, withRights),
    )
    for (const [id, now] of changed) {
      client.setQueryData<TaskRecord>(
        keys.record(id),
        (before) => before && withRights(before, now),
      )
      // Only what is on the screen is read again.
      void client.invalidateQueries({ queryKey: keys.timeline(id), refetchType: 'active' })
    }
  })

  const link = useLive(
    { taskId },
    ({ event, data }) => {
      if (event === 'task') tasks.add(data as Task)
      if (event === 'record') changedRecords.add(data as TaskRecord)
    },
    () => {
      void client.invalidateQueries({ queryKey: ['task'] })
      void client.invalidateQueries({ queryKey: ['record'] })
    },
  )
  onScopeDispose(() => {
    for (const each of [records, failures, refetchTask, tasks, changedRecords]) each.stop()
  })
  return link
}

/** Events do not say what this user may do with the record; that stays as it was read. */
export function withRights(before: TaskRecord, now: TaskRecord): TaskRecord {
  const { hasEditPermission, hasDeletePermission } = before
  return { ...now, hasEditPermission, hasDeletePermission }
}

function countersOf(task: Task): string {
  return [task.waiting, task.processing, task.success, task.failed, task.canceled].join()
}
