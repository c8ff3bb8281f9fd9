/** Products, devices, firmware and tasks by the API, and simulated devices that run them. */
import { createHash } from 'node:crypto'
import type { Api, Result } from './api'
import { start, stop } from './process'
import type { Server } from './server'

export const credentials = { secureId: 'e2e-id', secureKey: 'e2e-key' }
const devicesABatch = 200

export interface FleetOptions {
  product: string
  prefix: string
  count: number
  /** More flags of `updraft simulate`. */
  flags?: string[]
}

export class World {
  private fleets: (() => Promise<unknown>)[] = []

  constructor(
    readonly server: Server,
    readonly api: Api,
  ) {}

  /** A published product whose devices speak the official protocol over MQTT. */
  async product(id: string, name = id): Promise<string> {
    await this.api.post('/device-product', {
      id,
      name,
      deviceType: 'device',
      messageProtocol: 'jetlinks.v3.0',
      transportProtocol: 'MQTT',
      configuration: credentials,
    })
    await this.api.post(`/device-product/${id}/deploy`)
    return id
  }

  /** Activated devices prefix1 ... prefixN; answers their ids. */
  async devices(product: string, prefix: string, count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)
    for (let first = 0; first < count; first += devicesABatch) {
      const batch = ids.slice(first, first + devicesABatch)
      await this.api.patch(
        '/device-instance',
        batch.map((id) => ({ id, name: id, productId: product })),
      )
      await this.api.put('/device-instance/batch/_deploy', batch)
    }
    return ids
  }

  /** An uploaded file. */
  file(name: string, content: string | Buffer): Promise<Result> {
    const form = new FormData()
    form.append('file', new Blob([new Uint8Array(Buffer.from(content))]), name)
    return this.api.post('/file/upload', form)
  }

  /** A firmware with `content`, signed by SHA-256. */
  async firmware(
    product: string,
    version: string,
    versionOrder: number,
    content: string | Buffer = `firmware ${version}`,
    members: Record<string, unknown> = {},
  ): Promise<Result> {
    const file = await this.file('fw.bin', content)
    return this.api.post('/firmware', {
      productId: product,
      name: `firmware ${version}`,
      version,
      versionOrder,
      signMethod: 'sha256',
      sign: createHash('sha256').update(content).digest('hex'),
      url: file.accessUrl,
      size: file.length,
      ...members,
    })
  }

  /** A task that starts at once; for all devices unless `deviceId` names some. */
  async task(firmware: Result, name: string, members: Record<string, unknown> = {}) {
    const task = await this.api.post('/firmware/upgrade/task', {
      name,
      firmwareId: firmware.id,
      productId: firmware.productId,
      mode: 'push',
      releaseType: members.deviceId ? 'part' : 'all',
      timeoutSeconds: 60,
      responseTimeoutSeconds: 30,
      ...members,
    })
    return task
  }

  /** Devices prefix1 ... prefixN that connect, download and report; stopped at the end of the test. */
  fleet({ product, prefix, count, flags = [] }: FleetOptions): () => Promise<unknown> {
    const process = start(
      [
        'simulate',
        ...['--mqtt', this.server.mqtt, '--product', product, '--prefix', prefix],
        ...['--secure-id', credentials.secureId, '--secure-key', credentials.secureKey],
        ...['--count', String(count), '--quiet', ...flags],
      ],
      this.server.path(`fleet-${prefix}.log`),
    )
    const end = () => stop(process)
    this.fleets.push(end)
    return end
  }

  /** How many devices are online. */
  online(): Promise<number> {
    return this.api.post('/device-instance/_count', {
      terms: [{ column: 'state', value: 'online' }],
    })
  }

  /** The row of a task with its counters: waiting, processing, success, failed, canceled. */
  async counts(task: string): Promise<Result> {
    const terms = [{ column: 'id', value: task }]
    return (await this.api.post('/firmware/upgrade/task/detail/_query', { terms })).data[0]
  }

  async end(): Promise<void> {
    await Promise.all(this.fleets.map((stopFleet) => stopFleet()))
    this.fleets = []
  }
}
