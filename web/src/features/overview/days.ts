/** The chart of the last days. */

export interface Day {
  /** Start of the day, ms since 1970. */
  timestamp: number
  date: string
  success: number
  failed: number
}

const dayLength = 24 * 3600 * 1000

/** Address of the records that ended in a state on a day. */
export function recordsOf(day: Day, state: 'success' | 'failed'): string {
  const query = new URLSearchParams({
    'f.state': state,
    'f.completeTime': `${day.timestamp}..${day.timestamp + dayLength - 1}`,
  })
  return `/records?${query}`
}

/** Stacked bars, failed above success. `words` and `colours` are those of the two states. */
export function daysOption(
  days: Day[],
  words: { success: string; failed: string },
  colours: { success: string; failed: string },
): Record<string, unknown> {
  const series = (state: 'success' | 'failed') => ({
    name: words[state],
    type: 'bar',
    stack: 'day',
    cursor: 'pointer',
    barMaxWidth: 26,
    itemStyle: { color: colours[state] },
    data: days.map((day) => day[state]),
  })
  return {
    grid: { left: 8, right: 8, top: 34, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, icon: 'roundRect', itemWidth: 12, itemHeight: 8 },
    tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' } },
    xAxis: {
      type: 'category',
      data: days.map((day) => day.date.slice(5)),
      axisTick: { show: false },
    },
    yAxis: { type: 'value', minInterval: 1 },
    series: [series('success'), series('failed')],
  }
}
