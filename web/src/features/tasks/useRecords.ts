/** The records of a task as a List: filtered, sorted and paged on the server, whose counting is spared where we know. */
import type { ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { api, call } from '@/api/client'
import { equals, type QueryParam } from '@/api/query'
import { useList } from '@/ui'
import { knownTotal, states, type Task, type TaskRecord } from './model'

export interface Group {
  group: string
  text: string
}

/** A counted total serves its other pages for this long. */
const totalLivesMs = 10_000

export function useRecords(
  taskId: string,
  task: ComputedRef<Task | undefined>,
  groups: ComputedRef<Group[]>,
) {
  const { t } = useI18n()
  /** Milliseconds of the last read. */
  let cost = 0
  let counted = { terms: '', total: 0, at: 0 }

  function totalFor(param: QueryParam): number | undefined {
    const known = knownTotal(task.value, param.terms ?? [])
    if (known !== undefined) return known
    const fresh =
      counted.terms === JSON.stringify(param.terms) && Date.now() - counted.at < totalLivesMs
    return fresh ? counted.total : undefined
  }

  async function fetch(param: QueryParam, signal: AbortSignal) {
    const total = totalFor(param)
    const begin = performance.now()
    const page = await call(
      api.POST('/firmware/upgrade/history/detail/_query', {
        body: { ...param, ...(total === undefined ? {} : { total }) },
        signal,
      }),
    )
    cost = performance.now() - begin
    if (total === undefined) {
      counted = { terms: JSON.stringify(param.terms), total: page.total, at: Date.now() }
    }
    return page
  }

  const list = useList<TaskRecord>({
    key: 'record',
    scope: () => `list:${taskId}`,
    pageSize: 24,
    base: () => [equals('taskId', taskId)],
    fields: () => [
      {
        name: 'state',
        label: t('field.state'),
        kind: 'select',
        pinned: true,
        options: states.map((value) => ({ value, label: t(`state.${value}`) })),
      },
      { name: 'deviceName', label: t('tasks.deviceName'), kind: 'text', quick: true },
      { name: 'deviceId', label: t('tasks.deviceId'), kind: 'text', quick: true },
      {
        name: 'errorGroup',
        label: t('tasks.reason'),
        kind: 'select',
        options: groups.value.map(({ group, text }) => ({ value: group, label: text })),
        terms: (value) => [equals('errorGroup', value)],
      },
      { name: 'errorReason', label: t('tasks.reasonText'), kind: 'text' },
      { name: 'completeTime', label: t('tasks.completeTime'), kind: 'time' },
    ],
    fetch,
  })
  return { list, cost: () => cost }
}
