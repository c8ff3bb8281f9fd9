import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { atMostEvery, Gatherer, mergeRows } from './live'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('atMostEvery', () => {
  it('runs once for a burst, and again only after the interval', () => {
    const run = vi.fn()
    const trigger = atMostEvery(250, run)
    trigger()
    trigger()
    vi.advanceTimersByTime(0)
    expect(run).toHaveBeenCalledTimes(1)
    trigger()
    vi.advanceTimersByTime(249)
    expect(run).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(1)
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('runs nothing after it was stopped', () => {
    const run = vi.fn()
    const trigger = atMostEvery(250, run)
    trigger()
    trigger.stop()
    vi.advanceTimersByTime(1000)
    expect(run).not.toHaveBeenCalled()
  })
})

describe('Gatherer', () => {
  it('paints a thousand events in a second at most four times, with the newest of each id', () => {
    const flushes: Map<string, { id: string; progress: number }>[] = []
    const gatherer = new Gatherer<{ id: string; progress: number }>((rows) => flushes.push(rows))
    for (let each = 0; each < 1000; each += 1) {
      gatherer.add({ id: String(each % 10), progress: each })
      vi.advanceTimersByTime(1)
    }
    vi.advanceTimersByTime(250)
    expect(flushes.length).toBeLessThanOrEqual(5)
    expect(flushes.at(-1)!.get('9')).toEqual({ id: '9', progress: 999 })
  })
})

describe('mergeRows', () => {
  const page = {
    total: 2,
    data: [
      { id: 'a', n: 1 },
      { id: 'b', n: 2 },
    ],
  }

  it('replaces the rows that changed and leaves the others', () => {
    const merged = mergeRows(page, new Map([['b', { id: 'b', n: 3 }]]))
    expect(merged).toEqual({
      total: 2,
      data: [
        { id: 'a', n: 1 },
        { id: 'b', n: 3 },
      ],
    })
    expect(merged.data[0]).toBe(page.data[0])
    expect(page.data[1]!.n).toBe(2)
  })

  it('is the same page when nothing on it changed', () => {
    expect(mergeRows(page, new Map([['c', { id: 'c' }]]))).toBe(page)
  })

  it('lets the caller keep parts of the old row', () => {
    const merged = mergeRows(page, new Map([['a', { id: 'a', n: 9 }]]), (before, now) => ({
      ...now,
      n: before.n + now.n,
    }))
    expect(merged.data[0]).toEqual({ id: 'a', n: 10 })
  })
})
