import { describe, expect, it } from 'vitest'
import { byDay, feedbackOf, lookOf, olderThan, readable, type TimelineEntry } from './timeline'

function entry(values: Partial<TimelineEntry>): TimelineEntry {
  return {
    id: '1',
    timestamp: 0,
    deviceId: 'd1',
    kind: 'message',
    type: 'reportFirmware',
    text: '',
    ...values,
  }
}

describe('lookOf', () => {
  it('colours a state by the state', () => {
    const failed = entry({ kind: 'state', state: { value: 'failed', text: '升级失败' } })
    expect(lookOf(failed)).toEqual({ icon: 'error', colour: 'failed', title: 'state.failed' })
  })

  it('shows the direction of a message', () => {
    expect(lookOf(entry({ direction: 'down' })).icon).toBe('down')
    expect(lookOf(entry({ direction: 'up' })).icon).toBe('up')
  })

  it('marks a message by which the device refuses', () => {
    const refusal = entry({ type: 'upgradeFirmwareReply', content: '{"success":false}' })
    expect(lookOf(refusal).colour).toBe('failed')
    expect(lookOf(entry({ content: '{"success":true}' })).colour).toBe('processing')
  })

  it('tells coming from going', () => {
    expect(lookOf(entry({ kind: 'connection', type: 'online' })).icon).toBe('online')
    expect(lookOf(entry({ kind: 'connection', type: 'offline' })).icon).toBe('offline')
  })
})

describe('readable', () => {
  it('breaks JSON into lines', () => {
    expect(readable('{"a":1,"b":[2]}')).toBe('{\n  "a": 1,\n  "b": [\n    2\n  ]\n}')
  })

  it('leaves what is no JSON as it is', () => {
    expect(readable('127.0.0.1:40362')).toBe('127.0.0.1:40362')
    expect(readable('{"a":')).toBe('{"a":')
  })

  it('is empty when nothing was said', () => {
    expect(readable()).toBe('')
    expect(readable('{}')).toBe('')
  })
})

describe('olderThan', () => {
  it('goes on before the last entry of a full page', () => {
    const page = [entry({ timestamp: 9 }), entry({ timestamp: 5 })]
    expect(olderThan(page, 2)).toBe(5)
    expect(olderThan(page, 3)).toBeUndefined()
    expect(olderThan([], 2)).toBeUndefined()
  })
})

describe('byDay', () => {
  it('keeps the order and starts a part at each new day', () => {
    const noon = new Date(2026, 10, 23, 12).getTime()
    const days = byDay([
      entry({ id: 'c', timestamp: noon }),
      entry({ id: 'b', timestamp: noon - 1000 }),
      entry({ id: 'a', timestamp: noon - 86_400_000 }),
    ])
    expect(days.map((day) => [day.date, day.entries.map((each) => each.id).join('')])).toEqual([
      ['2026-11-23', 'cb'],
      ['2026-11-22', 'a'],
    ])
  })
})

describe('feedbackOf', () => {
  const feedback = (content: object, type = 'ddiFeedback') =>
    feedbackOf(entry({ type, content: JSON.stringify(content) }))

  it('reads what a hawkBit device said of an update', () => {
    const status = {
      execution: 'closed',
      result: { finished: 'failure', progress: { cnt: 2, of: 5 } },
      code: 200,
      details: ['Image invalid or corrupted.', ''],
    }
    expect(feedback({ id: '8', status })).toEqual({
      words: ['devices.feedback.closed', 'devices.feedback.failure'],
      code: 200,
      progress: '2 / 5',
      lines: ['Image invalid or corrupted.'],
      failed: true,
    })
  })

  it('leaves out what was not said', () => {
    const status = { execution: 'proceeding', result: { finished: 'none' } }
    expect(feedback({ status })).toEqual({
      words: ['devices.feedback.proceeding'],
      lines: [],
      failed: false,
    })
  })

  it('reads the answer to the question for consent', () => {
    expect(feedback({ confirmation: 'denied', details: ['not now'] })).toMatchObject({
      words: ['devices.feedback.denied'],
      failed: true,
    })
  })

  it('is nothing for other messages, and for what is no feedback', () => {
    expect(feedback({ execution: 'closed' }, 'reportFirmware')).toBeUndefined()
    expect(feedback({})).toBeUndefined()
    expect(feedback({ status: 'closed' })).toBeUndefined()
    expect(feedbackOf(entry({ type: 'ddiFeedback', content: 'no JSON' }))).toBeUndefined()
  })
})
