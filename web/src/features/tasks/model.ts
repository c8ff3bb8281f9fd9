/** Tasks and records as the pages use them. */
import type { Schemas } from '@/api/client'
import type { Term } from '@/api/query'

export type Task = Schemas['TaskDetail']
export type TaskRecord = Schemas['RecordDetail']
export type RecordState = Schemas['RecordStateName']

/** Menu whose buttons the acts on tasks need (rows 6 and 28). */
export const menu = 'device/Firmware'
/** Resource whose actions they need (spec 2.13). */
export const resource = 'firmware-upgrade-task-manager'

/** In the order in which JetLinks counts them. */
export const states = ['waiting', 'processing', 'success', 'failed', 'canceled'] as const

/** Row 32: 停止 is shown while a device waits, 继续升级 while one is stopped; both may be. */
export const canStop = (task: Task) => task.waiting > 0
export const canContinue = (task: Task) => task.canceled > 0
/** Row 45: only a push can be retried for all. */
export const canRetry = (task: Task) => task.mode.value === 'push' && task.failed > 0
/** Row 28: a task is deleted only when nothing runs. */
export const isBusy = (task: Task) => task.waiting + task.processing > 0

/**
 * How many records match `terms`, if that is known without asking: all of a task and those in one state are counted by
 * the task itself.
 */
export function knownTotal(task: Task | undefined, terms: readonly Term[]): number | undefined {
  if (!task) return undefined
  const others = terms.flatMap(flat).filter((term) => term.column !== 'taskId')
  if (!others.length) return task.total
  const [term] = others
  if (others.length > 1 || term?.column !== 'state' || term.termType !== 'eq') return undefined
  return states.includes(term.value as RecordState) ? task[term.value as RecordState] : undefined
}

function flat(term: Term): Term[] {
  return term.terms ? term.terms.flatMap(flat) : [term]
}
