import { describe, expect, it } from 'vitest'
import { EventParser } from './events'

describe('EventParser', () => {
  it('puts events together that arrive in pieces', () => {
    const parser = new EventParser()
    expect(parser.push('event: task\nda')).toEqual([])
    expect(parser.push('ta: {"id":"1"}\n\nevent: record\r\ndata: 2\r\n\r\n')).toEqual([
      { event: 'task', data: { id: '1' } },
      { event: 'record', data: 2 },
    ])
  })

  it('skips comments and what is no JSON', () => {
    expect(new EventParser().push(': keep-alive\n\ndata: {\n\ndata: 1\n\n')).toEqual([
      { event: 'message', data: 1 },
    ])
  })
})
