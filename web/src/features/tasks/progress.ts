/** Progress over time: the points that the server kept, continued by what came live, as a chart and as a table. */
import dayjs from 'dayjs'
import { states, type RecordState, type Task } from './model'

export type Counts = Record<RecordState, number>
/** The counters of a task at a moment (ms since 1970, the server's clock). */
export interface Point extends Counts {
  timestamp: number
}

export interface Progress {
  points: Point[]
  intervalSeconds: number
}

/** From the bottom of the chart to its top: what is done lies firm, what waits melts away. */
const order = ['success', 'failed', 'canceled', 'processing', 'waiting'] as const
const tableRows = 12
const leastStepMs = 1000

export function pointOf(task: Task, timestamp: number): Point {
  const { waiting, processing, success, failed, canceled } = task
  return { timestamp, waiting, processing, success, failed, canceled }
}

/**
 * The live points with one more. Within one step (a tenth of the server's interval) the newest replaces the one
 * before, so that a page that stays open for a day holds no more points than it can draw.
 */
export function withLive(live: readonly Point[], point: Point, intervalSeconds: number): Point[] {
  const step = Math.max(leastStepMs, intervalSeconds * 100)
  const beforeLast = live.at(-2)
  const replaces = beforeLast !== undefined && point.timestamp - beforeLast.timestamp < step
  return [...(replaces ? live.slice(0, -1) : live), point]
}

/** The server's points, and the live ones that are newer. */
export function joined(kept: readonly Point[], live: readonly Point[]): Point[] {
  const last = kept.at(-1)?.timestamp ?? Number.NEGATIVE_INFINITY
  return [...kept, ...live.filter((point) => point.timestamp > last)]
}

/**
 * Points are kept only while something changes: through a long gap the counters stayed, until shortly before the next
 * point. Without this the chart would draw a slow slope that never was.
 */
export function held(points: readonly Point[], intervalSeconds: number): Point[] {
  const interval = intervalSeconds * 1000
  return points.flatMap((point, at) => {
    const before = points[at - 1]
    if (!before || point.timestamp - before.timestamp <= 2 * interval) return [point]
    return [{ ...before, timestamp: point.timestamp - interval }, point]
  })
}

/** At most `most` of the points, evenly, always with the first and the last. */
export function thinned(points: readonly Point[], most = tableRows): Point[] {
  if (points.length <= most) return [...points]
  const step = (points.length - 1) / (most - 1)
  return Array.from({ length: most }, (_, at) => points[Math.round(at * step)]!)
}

interface Looks {
  /** The name of a state, and its colour. */
  name: (state: RecordState) => string
  colour: (state: RecordState) => string
  ink: string
  line: string
}

/** A stacked area for each state that ever counted something. */
export function chartOf(points: readonly Point[], looks: Looks) {
  const used = order.filter((state) => points.some((point) => point[state] > 0))
  return {
    grid: { left: 8, right: 28, top: 12, bottom: 36, containLabel: true },
    tooltip: { trigger: 'axis', confine: true },
    legend: { bottom: 0, textStyle: { color: looks.ink }, itemHeight: 10, itemWidth: 14 },
    xAxis: { type: 'time', axisLabel: { color: looks.ink, hideOverlap: true } },
    yAxis: {
      type: 'value',
      minInterval: 1,
      axisLabel: { color: looks.ink },
      splitLine: { lineStyle: { color: looks.line } },
    },
    series: used.map((state) => ({
      name: looks.name(state),
      type: 'line',
      stack: 'devices',
      showSymbol: false,
      color: looks.colour(state),
      lineStyle: { width: 1 },
      areaStyle: { opacity: 0.55 },
      data: points.map((point) => [point.timestamp, point[state]]),
    })),
  }
}

export interface TableRow {
  time: string
  counts: number[]
}

/** The same numbers as rows: a time, and the counters in the order of `states`. */
export function tableOf(points: readonly Point[]): TableRow[] {
  return thinned(points).map((point) => ({
    time: dayjs(point.timestamp).format('YYYY-MM-DD HH:mm:ss'),
    counts: states.map((state) => point[state]),
  }))
}
