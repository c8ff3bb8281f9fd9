import { describe, expect, it } from 'vitest'
import { daysOption, recordsOf } from './days'

const day = { timestamp: 1_763_827_200_000, date: '2025-11-23', success: 10, failed: 2 }

describe('the days of the overview', () => {
  it('lead to the records of the whole day', () => {
    const url = new URL(recordsOf(day, 'failed'), 'http://x')
    expect(url.pathname).toBe('/records')
    expect(url.searchParams.get('f.state')).toBe('failed')
    expect(url.searchParams.get('f.completeTime')).toBe('1763827200000..1763913599999')
  })

  it('are two stacked series', () => {
    const option = daysOption(
      [day],
      { success: 'ok', failed: 'bad' },
      { success: 'g', failed: 'r' },
    )
    expect(option.series).toMatchObject([
      { name: 'ok', data: [10], stack: 'day' },
      { name: 'bad', data: [2], stack: 'day' },
    ])
  })
})
