/** How devices of a product reach the server: addresses with an example of each, to be copied. */

export interface Place {
  productId: string
  /** The address under which devices reach the server, without a slash at its end: `https://host:port/api`. */
  base: string
  /** `host:port` of the MQTT listener, if the server says it. */
  mqtt?: string
  /** What the product's package serves. */
  transports: string[]
  /** `official`: JetLinks' own protocol, whose topics are known; `script`: topics are the package's; `none`: no topics. */
  topics: 'official' | 'script' | 'none'
  /** Devices of the product can be upgraded: the addresses of hawkBit and HTTPS are for them, whatever the package. */
  upgradable: boolean
}

/** A way to connect; `note` is the key of a text about it. */
export interface Way {
  key: 'mqtt' | 'http' | 'websocket' | 'hawkbit' | 'https'
  name: string
  note: string
  addresses: string[]
  examples: { title: string; text: string }[]
}

/** What a person replaces in the examples. */
export const placeholders = { device: 'DEVICE_ID', token: 'TOKEN', topic: 'TOPIC' }
const { device, token, topic } = placeholders

/** hawkBit's clients ask for a tenant; the server takes the name that hawkBit itself begins with. */
export const tenant = 'DEFAULT'
const mqttPort = 1883

export function waysOf(place: Place): Way[] {
  const ways: Way[] = []
  const serves = (transport: string) =>
    place.topics !== 'none' && place.transports.includes(transport)
  if (serves('MQTT')) ways.push(mqttWay(place))
  if (serves('HTTP')) ways.push(httpWay(place))
  if (serves('WebSocket')) ways.push(webSocketWay(place))
  if (place.upgradable) ways.push(hawkbitWay(place), httpsWay(place))
  return ways
}

/** What is known of a package by its id. */
export function topicsOf(protocol: string): Place['topics'] {
  if (protocol.startsWith('jetlinks.')) return 'official'
  return ['hawkbit.ddi', 'https.pull'].includes(protocol) ? 'none' : 'script'
}

const isOfficial = ({ topics }: Place) => topics === 'official'
const topicOf = (place: Place) =>
  isOfficial(place) ? `/${place.productId}/${device}/firmware/pull` : topic
const pull = '{"messageId":"1","currentVersion":"1.0.0"}'
const bodyOf = (place: Place) => (isOfficial(place) ? pull : 'PAYLOAD')

function mqttWay(place: Place): Way {
  const { host, port } = hostPortOf(place)
  return {
    key: 'mqtt',
    name: 'MQTT',
    note: 'products.connect.mqttNote',
    addresses: [`mqtt://${host}:${port}`],
    examples: [
      {
        title: 'mosquitto_pub',
        text: [
          `user="SECURE_ID|$(date +%s%3N)"`,
          `mosquitto_pub -h ${host} -p ${port} -i ${device} -u "$user" \\`,
          `  -P "$(printf '%s' "$user|SECURE_KEY" | md5sum | cut -c1-32)" \\`,
          `  -t ${topicOf(place)} -m '${bodyOf(place)}'`,
        ].join('\n'),
      },
    ],
  }
}

function httpWay(place: Place): Way {
  const path = isOfficial(place) ? 'firmware/pull' : topic
  const address = `${place.base}/${place.productId}/${device}/${path}`
  return {
    key: 'http',
    name: 'HTTP',
    note: 'products.connect.httpNote',
    addresses: [address],
    examples: [
      {
        title: 'curl',
        text: [
          `curl -fsS -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' \\`,
          `  -d '${bodyOf(place)}' '${address}'`,
        ].join('\n'),
      },
    ],
  }
}

function webSocketWay(place: Place): Way {
  const base = place.base.replace(/^http/, 'ws')
  const address = `${base}/${place.productId}/${device}/socket?token=${token}`
  const frame = isOfficial(place)
    ? `{"messageType":"REQUEST_FIRMWARE","messageId":"1","currentVersion":"1.0.0"}`
    : 'PAYLOAD'
  return {
    key: 'websocket',
    name: 'WebSocket',
    note: 'products.connect.websocketNote',
    addresses: [address],
    examples: [{ title: 'websocat', text: `echo '${frame}' | websocat -n '${address}'` }],
  }
}

function hawkbitWay(place: Place): Way {
  return {
    key: 'hawkbit',
    name: 'hawkBit DDI',
    note: 'products.connect.hawkbitNote',
    addresses: [`${place.base}/${tenant}/controller/v1/${device}`],
    examples: [
      {
        title: 'swupdate',
        text: `swupdate -u "-t ${tenant} -u ${place.base} -i ${device} -k ${token}"`,
      },
      {
        title: 'curl',
        text: [
          `curl -fsS -H 'Authorization: TargetToken ${token}' \\`,
          `  '${place.base}/${tenant}/controller/v1/${device}'`,
        ].join('\n'),
      },
    ],
  }
}

function httpsWay(place: Place): Way {
  const address = `${place.base}/ota/${place.productId}`
  return {
    key: 'https',
    name: 'HTTPS',
    note: 'products.connect.httpsNote',
    addresses: [address],
    examples: [
      {
        title: 'curl',
        text: [
          `curl -fsS -o image.bin -u '${device}:${token}' \\`,
          `  '${address}?version=1.0.0'`,
        ].join('\n'),
      },
    ],
  }
}

/** Of the MQTT listener: as the server says, else the host of the other addresses at MQTT's own port. */
function hostPortOf(place: Place): { host: string; port: string } {
  const [, host, port] = /^(?:mqtts?:\/\/)?(.+):(\d+)$/.exec(place.mqtt ?? '') ?? []
  if (host && port) return { host, port }
  return { host: new URL(place.base).hostname, port: String(mqttPort) }
}
