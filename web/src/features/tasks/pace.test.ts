import { describe, expect, it } from 'vitest'
import { paceOf, withSample, type Sample } from './pace'

const second = 1000
function samples(...pairs: [number, number][]): Sample[] {
  return pairs.reduce<Sample[]>((all, [at, done]) => withSample(all, { at: at * second, done }), [])
}

describe('the pace', () => {
  it('is what ended in the last minute, and says when it would be over', () => {
    const seen = samples([0, 0], [20, 40], [40, 80])
    expect(paceOf(seen, 60, 40 * second)).toEqual({ perMinute: 120, secondsLeft: 30 })
  })

  it('says nothing before ten seconds have been seen', () => {
    expect(paceOf([], 10, 0)).toBeNull()
    expect(paceOf(samples([0, 0], [5, 100]), 10, 5 * second)).toBeNull()
  })

  it('forgets what is older than a minute', () => {
    const seen = samples([0, 0], [10, 1000], [100, 1000], [130, 1030])
    expect(paceOf(seen, 60, 130 * second)!.perMinute).toBe(30)
  })

  it('sinks while nothing happens and then promises no end', () => {
    const seen = samples([0, 0], [20, 40])
    expect(paceOf(seen, 10, 40 * second)!.perMinute).toBe(60)
    expect(paceOf(seen, 10, 120 * second)).toEqual({ perMinute: 0, secondsLeft: null })
  })

  it('starts anew when devices are retried', () => {
    const seen = samples([0, 0], [30, 100], [31, 80], [45, 87])
    expect(paceOf(seen, 7, 45 * second)!.perMinute).toBe(30)
  })

  it('knows no end when nothing is left', () => {
    expect(paceOf(samples([0, 0], [30, 100]), 0, 30 * second)!.secondsLeft).toBeNull()
  })

  it('takes no sample that is older than the last one', () => {
    expect(withSample(samples([10, 5]), { at: 5 * second, done: 1 })).toEqual(samples([10, 5]))
  })
})
