/** Answers of routes for single tasks and records, and the keys under which the cache holds them. */
import { api, call } from '@/api/client'
import { equals } from '@/api/query'

export const keys = {
  task: (id: string) => ['task', 'one', id],
  failures: (id: string) => ['task', 'failures', id],
  progress: (id: string) => ['task', 'progress', id],
  records: (taskId: string) => ['record', `list:${taskId}`],
  record: (id: string) => ['record', 'one', id],
  timeline: (id: string) => ['record', 'timeline', id],
}

export const getTask = (id: string, signal?: AbortSignal) =>
  call(api.GET('/firmware/upgrade/task/{id}', { params: { path: { id } }, signal }))

export const getFailures = (id: string, signal?: AbortSignal) =>
  call(api.GET('/firmware/upgrade/task/{id}/failures', { params: { path: { id } }, signal }))

export const getRecord = async (taskId: string, id: string, signal?: AbortSignal) => {
  const page = await call(
    api.POST('/firmware/upgrade/history/detail/_query', {
      body: { pageSize: 1, terms: [equals('taskId', taskId), equals('id', id)] },
      signal,
    }),
  )
  return page.data[0] ?? null
}

export const getTimeline = (id: string, signal?: AbortSignal) =>
  call(api.GET('/firmware/upgrade/history/{id}/timeline', { params: { path: { id } }, signal }))

export const getProgress = (id: string, signal?: AbortSignal) =>
  call(api.GET('/firmware/upgrade/task/{id}/progress', { params: { path: { id } }, signal }))
