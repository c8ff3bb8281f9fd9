/** What can be done with a task and with single records. Each act says how it went and reloads what it changed. */
import { useQueryClient } from '@tanstack/vue-query'
import { useI18n } from 'vue-i18n'
import { api, call } from '@/api/client'
import { useSession } from '@/app/session'
import { formatCount, useFeedback } from '@/ui'
import { menu, resource, type RecordState, type Task, type TaskRecord } from './model'

export function useTaskActs() {
  const client = useQueryClient()
  const { attempt } = useFeedback()
  const { t } = useI18n()
  const session = useSession()

  const mayDeploy = () => session.can(resource, 'deploy')
  const mayAdd = () => session.may(menu, 'add')
  /** Row 28 asks for the button `update`; the server for the action `delete`. */
  const mayDelete = () => session.may(menu, 'update') && session.can(resource, 'delete')

  async function reload() {
    await Promise.all([
      client.invalidateQueries({ queryKey: ['task'] }),
      client.invalidateQueries({ queryKey: ['record'] }),
    ])
  }

  const path = (task: Task) => ({ params: { path: { id: task.id } } })

  const stop = (task: Task) =>
    attempt(async () => {
      await call(
        api.POST('/firmware/upgrade/task/{id}/_stop', { ...path(task), body: ['waiting'] }),
      )
      await reload()
    })

  const start = (task: Task, state: RecordState) =>
    attempt(async () => {
      await call(api.POST('/firmware/upgrade/task/{id}/_start', { ...path(task), body: [state] }))
      await reload()
    })

  const remove = (task: Task) =>
    attempt(async () => {
      await call(api.DELETE('/firmware/upgrade/task/{id}', path(task)))
      client.removeQueries({ queryKey: ['task', 'one', task.id] })
      await reload()
    })

  const startRecord = (record: TaskRecord) =>
    attempt(async () => {
      await call(api.POST('/firmware/upgrade/task/_start', { body: [record.id] }))
      await reload()
    })

  const stopRecord = (record: TaskRecord) =>
    attempt(async () => {
      await call(api.POST('/firmware/upgrade/task/_stop', { body: [record.id] }))
      await reload()
    })

  const removeRecord = (record: TaskRecord) =>
    attempt(async () => {
      await call(
        api.DELETE('/firmware/upgrade/history/{id}', { params: { path: { id: record.id } } }),
      )
      await reload()
    })

  /** What a confirmation says about how many devices it touches. */
  const touches = (count: number) => t('tasks.touches', { n: formatCount(count) })

  return {
    mayDeploy,
    mayAdd,
    mayDelete,
    stop,
    start,
    remove,
    startRecord,
    stopRecord,
    removeRecord,
    touches,
  }
}
