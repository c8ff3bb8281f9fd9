import { describe, expect, it } from 'vitest'
import { knownTotal, type Task } from './model'

const task = { total: 10, waiting: 1, processing: 2, success: 3, failed: 4, canceled: 0 } as Task

describe('knownTotal', () => {
  it('takes the counters of the task where they say it', () => {
    expect(knownTotal(task, {}, '')).toBe(10)
    expect(knownTotal(task, { state: 'failed' }, '')).toBe(4)
    expect(knownTotal(task, { state: 'canceled' }, '')).toBe(0)
  })

  it('leaves counting to the server otherwise', () => {
    expect(knownTotal(undefined, {}, '')).toBeUndefined()
    expect(knownTotal(task, {}, 'gate')).toBeUndefined()
    expect(knownTotal(task, { state: 'failed', errorGroup: 'x' }, '')).toBeUndefined()
    expect(knownTotal(task, { state: 'waiting,failed' }, '')).toBeUndefined()
    expect(knownTotal(task, { deviceName: 'gate' }, '')).toBeUndefined()
  })
})
