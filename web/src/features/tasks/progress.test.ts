import { describe, expect, it } from 'vitest'
import { chartOf, held, joined, tableOf, thinned, withLive, type Point } from './progress'

function point(timestamp: number, success = 0, waiting = 0): Point {
  return { timestamp, success, waiting, processing: 0, failed: 0, canceled: 0 }
}
const times = (points: readonly Point[]) => points.map((each) => each.timestamp)

describe('withLive', () => {
  it('keeps one point a step and always the newest', () => {
    let live: Point[] = []
    for (let at = 0; at <= 5000; at += 250) live = withLive(live, point(at), 10)
    expect(live.length).toBeLessThanOrEqual(8)
    expect(live.at(-1)!.timestamp).toBe(5000)
  })

  it('steps wider when the server does', () => {
    let live: Point[] = []
    for (let at = 0; at <= 600_000; at += 1000) live = withLive(live, point(at), 640)
    expect(live.length).toBeLessThanOrEqual(12)
  })
})

describe('joined', () => {
  it('puts the live points that are newer behind the kept ones', () => {
    expect(times(joined([point(1), point(5)], [point(4), point(5), point(6)]))).toEqual([1, 5, 6])
  })

  it('lives without kept points', () => {
    expect(times(joined([], [point(4)]))).toEqual([4])
  })
})

describe('held', () => {
  it('keeps the counters level through a gap', () => {
    const level = held([point(0, 1), point(10_000, 2), point(300_000, 9)], 10)
    expect(times(level)).toEqual([0, 10_000, 290_000, 300_000])
    expect(level[2]!.success).toBe(2)
  })

  it('leaves close points alone', () => {
    expect(held([point(0), point(10_000), point(25_000)], 10)).toHaveLength(3)
  })
})

describe('thinned', () => {
  it('keeps the first and the last', () => {
    const many = Array.from({ length: 300 }, (_, at) => point(at))
    const few = thinned(many, 12)
    expect(few).toHaveLength(12)
    expect([few[0]!.timestamp, few.at(-1)!.timestamp]).toEqual([0, 299])
  })
})

it('draws only the states that ever counted something', () => {
  const looks = { name: (state: string) => state, colour: () => 'red', ink: '', line: '' }
  const chart = chartOf([point(1, 0, 5), point(2, 5, 0)], looks)
  expect(chart.series.map((each) => each.name)).toEqual(['success', 'waiting'])
  expect(chart.series[0]!.data).toEqual([
    [1, 0],
    [2, 5],
  ])
})

it('says the same in a table', () => {
  expect(tableOf([point(0, 3, 4)])[0]!.counts).toEqual([4, 0, 3, 0, 0])
})
