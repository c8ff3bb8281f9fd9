/** Every page of the console, from its own routes, with an address that shows something. */
import type { RouteRecordRaw } from 'vue-router'
import { starterScript } from '@/features/protocols/starter'
import type { Visit } from './browser'
import { eventually } from './eventually'
import type { World } from './world'

const features = import.meta.glob<{ default: RouteRecordRaw[] }>(
  '../../../src/features/*/routes.ts',
  { eager: true },
)

export interface PageRoute {
  name: string
  /** With parameters: `/tasks/:id`. */
  path: string
  /** Reachable without sign-in. */
  open: boolean
}

function flat(routes: RouteRecordRaw[], parent = ''): PageRoute[] {
  return routes.flatMap((route) => {
    const path = route.path.startsWith('/') ? route.path : `${parent}/${route.path}`
    const own =
      route.component && route.name
        ? [{ name: String(route.name), path, open: Boolean(route.meta?.open) }]
        : []
    return [...own, ...flat(route.children ?? [], path)]
  })
}

export const pageRoutes: PageRoute[] = Object.values(features).flatMap((module) =>
  flat(module.default),
)

/** Ids for the parameters of addresses: by parameter, and `id` by the first segment of the path. */
export type Examples = Record<string, string>

export function addressOf(route: PageRoute, examples: Examples): string {
  const area = route.path.split('/')[1]
  return route.path.replace(/:(\w+)(\([^)]*\))?[?*+]?/g, (_, parameter: string) => {
    const example = examples[parameter === 'id' ? area : parameter]
    if (!example) throw new Error(`no example for :${parameter} in ${route.path}`)
    return encodeURIComponent(example)
  })
}

/** What an address opens over a page, or shows of it besides what it begins with. */
export const overlays: { name: string; address: (examples: Examples) => string }[] = [
  {
    name: 'device-credential-new',
    address: ({ devices }) => `/devices/${devices}?open=credential`,
  },
  {
    name: 'device-credential-rotate',
    address: ({ devices, credentialId }) => `/devices/${devices}?open=rotate-${credentialId}`,
  },
  { name: 'audit-entry', address: () => '/audit?open=1' },
  { name: 'device-timeline', address: ({ devices }) => `/devices/${devices}?tab=timeline` },
  {
    name: 'product-credential-new',
    address: ({ products }) => `/products/${products}?open=credential`,
  },
  {
    name: 'product-connect-hawkbit',
    address: ({ products }) => `/products/${products}?connect=hawkbit`,
  },
  { name: 'protocol-jar-new', address: () => '/protocols?open=new' },
  { name: 'task-settings', address: ({ tasks }) => `/tasks/${tasks}?open=settings` },
]

const gateway = 'gateway-g2'
const sensor = 'sensor-t1'

/** A small company: two products, devices that are there and that are not, tasks in every state. */
export async function populate(world: World): Promise<Examples> {
  const { api } = world
  await world.product(gateway, '智能网关 G2')
  await world.product(sensor, '温湿度传感器 T1')
  await world.devices(gateway, 'gw-', 24)
  await world.devices(sensor, 'th-', 16)
  world.fleet({ product: gateway, prefix: 'gw-', count: 20, flags: fleetFlags })
  world.fleet({ product: sensor, prefix: 'th-', count: 12, flags: fleetFlags })
  await eventually(async () => (await world.online()) >= 32)

  const first = await world.firmware(gateway, '1.0.0', 1, 'one', { description: '出厂版本' })
  const application = await world.file('gate-app.bin', 'application')
  const second = await world.firmware(gateway, '1.1.0', 2, 'two', {
    description: '改进联网稳定性，修复若干问题',
    moreArtifacts: [
      { fileId: application.id, part: 'application', name: 'gate-app', version: '3.4' },
    ],
    properties: [{ id: 'channel', value: 'stable' }],
  })
  const third = await world.firmware(sensor, '2.0.0', 1, 'three', { description: '低功耗模式' })
  const push = await world.task(second, '网关升级到 1.1.0')
  const stopped = await world.task(first, '网关退回 1.0.0', { timeoutSeconds: 600 })
  await api.post(`/firmware/upgrade/task/${stopped.id}/_stop`)
  await world.task(third, '传感器升级到 2.0.0', { mode: 'pull', responseTimeoutSeconds: undefined })
  await eventually(async () => (await world.counts(push.id)).processing === 0)

  const [record] = await api.rows('/firmware/upgrade/history', { taskId: push.id })
  const role = await api.post('/role', {
    name: '值班员',
    description: '查看固件和升级任务',
    grants: [{ code: 'device/Firmware', buttons: ['view'] }],
  })
  const user = await api.post('/user', {
    name: '李雷',
    username: 'lilei',
    password: 'correct horse',
    roleIds: [role.id],
  })
  const [protocol] = await api.rows('/protocol')
  const script = await api.post('/protocol', {
    name: '厂商二进制协议',
    type: 'lua',
    script: starterScript('zh-CN'),
  })
  await api.post(`/device-product/${gateway}/credentials`, { kind: 'token', name: '产线共用' })
  const kinds = ['token', 'mqttKey'] as const
  const [credential] = await Promise.all(
    kinds.map((kind) => api.post('/device-instance/gw-1/credentials', { kind, name: '出厂写入' })),
  )
  return {
    firmware: second.id,
    tasks: push.id,
    recordId: record.id,
    products: gateway,
    devices: 'gw-1',
    protocols: protocol.id,
    scriptId: script.id,
    credentialId: credential.id,
    roles: role.id,
    users: user.id,
  }
}

const fleetFlags = [
  ...['--seed', '7', '--failure-rate', '0.3', '--install-time', '100'],
  ...['--latency-min', '1', '--latency-max', '10', '--progress-steps', '4'],
]

/** Waits until the page shows its rows: nothing is busy any more, and it has stayed so for a moment. */
export async function settled({ page }: Visit): Promise<void> {
  await page.waitForFunction(
    () => {
      const state = window as never as { quietSince?: number }
      const busy = document.querySelector(
        '[aria-busy="true"], .ant-spin-spinning, .ant-skeleton, .ant-btn-loading',
      )
      const shown = document.querySelector('main h1, main h2, main [role="region"], main form')
      if (busy || !shown) state.quietSince = undefined
      else state.quietSince ??= performance.now()
      return state.quietSince !== undefined && performance.now() - state.quietSince > 400
    },
    undefined,
    { polling: 50, timeout: 20_000 },
  )
}
