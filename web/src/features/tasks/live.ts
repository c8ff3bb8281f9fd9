/** What the pages of tasks do with live events: gather them, and merge them into what has been read already. */

/** At most four repaints a second, however fast a rollout runs. */
export const paintInterval = 250
/** Between two reads of the page of rows on the screen while events come in. */
export const refetchInterval = 2000

export interface Trigger {
  (): void
  /** Forgets what is still to be run. */
  stop: () => void
}

/**
 * Calls `run` soon after each trigger, but never more often than every `interval` ms (asked anew each time); the last
 * trigger always counts.
 */
export function atMostEvery(interval: number | (() => number), run: () => void): Trigger {
  let timer: ReturnType<typeof setTimeout> | undefined
  let last = Number.NEGATIVE_INFINITY
  const trigger = () => {
    if (timer !== undefined) return
    const pause = typeof interval === 'number' ? interval : interval()
    timer = setTimeout(
      () => {
        timer = undefined
        last = performance.now()
        run()
      },
      Math.max(0, last + pause - performance.now()),
    )
  }
  trigger.stop = () => {
    clearTimeout(timer)
    timer = undefined
  }
  return trigger
}

export interface Row {
  id: string
}

/** Gathers rows, the newest of each id, and hands them out together, at most every `interval` ms. */
export class Gatherer<T extends Row> {
  private gathered = new Map<string, T>()
  private readonly trigger: Trigger

  constructor(flush: (rows: Map<string, T>) => void, interval = paintInterval) {
    this.trigger = atMostEvery(interval, () => {
      const rows = this.gathered
      this.gathered = new Map()
      flush(rows)
    })
  }

  add(row: T) {
    this.gathered.set(row.id, row)
    this.trigger()
  }

  stop() {
    this.trigger.stop()
    this.gathered.clear()
  }
}

interface Page<T> {
  data: T[]
}

/**
 * The page with its changed rows replaced; the same object when none of them is on it. What `combine` makes of old
 * and new row is stored; by default the new row.
 */
export function mergeRows<T extends Row, P extends Page<T>>(
  page: P,
  changed: ReadonlyMap<string, T>,
  combine: (before: T, now: T) => T = (_before, now) => now,
): P {
  if (!page.data.some((row) => changed.has(row.id))) return page
  const data = page.data.map((row) => {
    const now = changed.get(row.id)
    return now ? combine(row, now) : row
  })
  return { ...page, data }
}
