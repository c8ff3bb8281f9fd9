import { describe, expect, it } from 'vitest'
import { withState } from './live'

const offline = { value: 'offline' as const, text: '离线' }
const online = { value: 'online' as const, text: '在线' }

describe('withState', () => {
  it('changes the device that the event is about', () => {
    const page = {
      total: 2,
      data: [
        { id: 'a', state: offline },
        { id: 'b', state: offline },
      ],
    }
    expect(withState(page, { id: 'b', state: online })).toEqual({
      total: 2,
      data: [
        { id: 'a', state: offline },
        { id: 'b', state: online },
      ],
    })
  })

  it('leaves a page alone that does not show the device', () => {
    const page = { data: [{ id: 'a', state: offline }] }
    expect(withState(page, { id: 'z', state: online })).toBe(page)
  })
})
