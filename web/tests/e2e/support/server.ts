import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Api } from './api'
import { start, stop, type Started } from './process'

export const adminPassword = 'correct horse battery staple'

/** One `updraft serve` on a folder and ports of its own. */
export class Server {
  private readonly folder = mkdtempSync(join(tmpdir(), 'updraft-e2e-'))
  private process?: Started
  /** "127.0.0.1:PORT"; the same after a restart. */
  http = '127.0.0.1:0'
  mqtt = '127.0.0.1:0'

  /** Without a password the first start prints a set-up link. */
  constructor(private readonly password: string | null = adminPassword) {}

  async start(): Promise<this> {
    this.process = start(
      [
        'serve',
        ...['--data', join(this.folder, 'data')],
        ...['--listen', this.http],
        ...['--mqtt-listen', this.mqtt],
      ],
      this.logPath,
      this.password === null ? {} : { UPDRAFT_ADMIN_PASSWORD: this.password },
    )
    const lines = createInterface({ input: this.process.child.stdout! })
    const ready = new Promise<string>((done) => lines.once('line', done))
    const ended = this.process.ended.then((code) => {
      throw new Error(`the server ended with ${code} before it was ready:\n${this.log()}`)
    })
    const line = JSON.parse(await Promise.race([ready, ended]))
    ended.catch(() => {}) // it ends when the test stops it
    this.http = line.http
    this.mqtt = line.mqtt
    return this
  }

  /** SIGTERM; the ports are free until the next start(). */
  async stop(): Promise<void> {
    if (!this.process) return
    const code = await stop(this.process)
    this.process = undefined
    if (code !== 0) throw new Error(`the server ended with ${code}:\n${this.log()}`)
  }

  /** Stops it for good and removes its folder. */
  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  get logPath(): string {
    return join(this.folder, 'server.log')
  }

  log(): string {
    return readFileSync(this.logPath, 'utf8')
  }

  /** A folder for what belongs to this server. */
  path(name: string): string {
    return join(this.folder, name)
  }

  get origin(): string {
    return `http://${this.http}`
  }

  /** A client signed in as admin. */
  async api(): Promise<Api> {
    return new Api(this.origin).signIn('admin', adminPassword)
  }
}
