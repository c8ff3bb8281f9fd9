import { describe, expect, it } from 'vitest'
import { topicsOf, waysOf, type Place } from './connect'

const place: Place = {
  productId: 'p1',
  base: 'https://ota.example.com/api',
  transports: ['MQTT', 'WebSocket', 'HTTP', 'CoAP'],
  topics: 'official',
  upgradable: true,
}
const keys = (change: Partial<Place>) => waysOf({ ...place, ...change }).map((way) => way.key)
const textOf = (key: string, change: Partial<Place> = {}) => {
  const way = waysOf({ ...place, ...change }).find((each) => each.key === key)!
  return [...way.addresses, ...way.examples.map((each) => each.text)].join('\n')
}

describe('waysOf', () => {
  it('shows every dialect of the official package', () => {
    expect(keys({})).toEqual(['mqtt', 'http', 'websocket', 'hawkbit', 'https'])
  })

  it('shows topics only over transports that the package serves', () => {
    expect(keys({ transports: ['MQTT'] })).toEqual(['mqtt', 'hawkbit', 'https'])
  })

  it('offers the upgrade addresses only to who can be upgraded', () => {
    expect(keys({ upgradable: false })).toEqual(['mqtt', 'http', 'websocket'])
  })

  it('does not know the topics of a script', () => {
    expect(textOf('mqtt', { topics: 'script' })).toContain('-t TOPIC')
    expect(textOf('mqtt')).toContain('-t /p1/DEVICE_ID/firmware/pull')
  })

  it('has no topics for the packages that are an address of their own', () => {
    expect(keys({ topics: topicsOf('hawkbit.ddi'), transports: ['HTTP'] })).toEqual([
      'hawkbit',
      'https',
    ])
    expect(topicsOf('jetlinks.v2.0')).toBe('official')
    expect(topicsOf('1864200000000000001')).toBe('script')
  })

  it('takes the MQTT address that the server says, else the host of the others', () => {
    expect(textOf('mqtt', { mqtt: '[::1]:2883' })).toContain('-h [::1] -p 2883')
    expect(textOf('mqtt')).toContain('-h ota.example.com -p 1883')
  })

  it('speaks WebSocket as safely as HTTP', () => {
    expect(textOf('websocket')).toContain('wss://ota.example.com/api/p1/DEVICE_ID/socket?token=')
    expect(textOf('websocket', { base: 'http://h:1' })).toContain('ws://h:1/p1/')
  })

  it('gives clients of hawkBit the address below which they build their own', () => {
    expect(textOf('hawkbit')).toContain('-t DEFAULT -u https://ota.example.com/api -i DEVICE_ID')
    expect(textOf('hawkbit')).toContain('/DEFAULT/controller/v1/DEVICE_ID')
  })
})
