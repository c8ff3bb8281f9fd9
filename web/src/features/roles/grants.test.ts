import { describe, expect, it } from 'vitest'
import { granted, grantMenus, readOnly, withButtons } from './grants'

const tree = [
  {
    id: '1',
    name: 'Operations',
    code: 'device',
    url: '',
    options: {},
    children: [
      {
        id: '2',
        name: 'Remote upgrade',
        code: 'device/Firmware',
        url: '',
        options: {},
        buttons: [
          { id: 'view', name: 'View' },
          { id: 'add', name: 'Add' },
        ],
      },
    ],
  },
]

describe('grants', () => {
  it('lists the menus that have buttons', () => {
    expect(grantMenus(tree).map((menu) => menu.code)).toEqual(['device/Firmware'])
  })

  it('grants view with every other button, and nothing with none', () => {
    const grants = withButtons([{ code: 'a', buttons: ['view'] }], 'b', ['add'])
    expect(grants).toEqual([
      { code: 'a', buttons: ['view'] },
      { code: 'b', buttons: ['view', 'add'] },
    ])
    expect(granted(grants, 'b')).toEqual(['view', 'add'])
    expect(withButtons(grants, 'a', [])).toEqual([{ code: 'b', buttons: ['view', 'add'] }])
  })

  it('makes a read-only role', () => {
    expect(readOnly(grantMenus(tree))).toEqual([{ code: 'device/Firmware', buttons: ['view'] }])
  })
})
