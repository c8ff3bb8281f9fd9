import { describe, expect, it } from 'vitest'
import { contains, equals, group, oneOf } from '@/api/query'
import { knownTotal, type Task } from './model'

const task = { total: 10, waiting: 1, processing: 2, success: 3, failed: 4, canceled: 0 } as Task
const ofTask = equals('taskId', 't1')

describe('knownTotal', () => {
  it('takes the counters of the task where they say it', () => {
    expect(knownTotal(task, [ofTask])).toBe(10)
    expect(knownTotal(task, [ofTask, group([equals('state', 'failed')])])).toBe(4)
    expect(knownTotal(task, [ofTask, group([equals('state', 'canceled')])])).toBe(0)
  })

  it('leaves counting to the server otherwise', () => {
    const failed = group([equals('state', 'failed')])
    expect(knownTotal(undefined, [ofTask])).toBeUndefined()
    expect(knownTotal(task, [ofTask, group([contains('deviceName', 'gate')])])).toBeUndefined()
    expect(knownTotal(task, [ofTask, failed, group([equals('errorGroup', 'x')])])).toBeUndefined()
    expect(knownTotal(task, [ofTask, group([oneOf('state', ['waiting', 'failed'])])])).toBe(
      undefined,
    )
    expect(knownTotal(task, [ofTask, group([equals('state', 'unheard of')])])).toBeUndefined()
  })
})
