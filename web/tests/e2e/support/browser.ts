/** Debian's Chromium, and pages that report everything that must not happen. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import type { Api } from './api'
import { text, type Language } from './messages'
import type { Server } from './server'

export type Theme = 'light' | 'dark'

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.UPDRAFT_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/**
 * With UPDRAFT_CONSOLE_DIST=dist the console's files come from that folder, so that a change can be tried without linking
 * the server again; the policy is the server's all the same.
 */
async function takeConsoleFrom(dist: string, context: BrowserContext): Promise<void> {
  await context.route(/\/console(\/|$)/, async (route) => {
    const path = new URL(route.request().url()).pathname.replace(/^\/console\/?/, '')
    const file = join(dist, path)
    if (path && statSync(file, { throwIfNoEntry: false })?.isFile()) {
      return route.fulfill({ path: file })
    }
    const response = await route.fetch()
    const nonce = /'nonce-(\w+)'/.exec(response.headers()['content-security-policy'])![1]
    const page = readFileSync(join(dist, 'index.html'), 'utf8')
    return route.fulfill({ response, body: page.replaceAll('%CSP_NONCE%', nonce) })
  })
}

export interface VisitOptions {
  language?: Language
  theme?: Theme
  /** Signed in as this client's user; absent: nobody is. */
  as?: Api
  viewport?: { width: number; height: number }
}

/** One user's browser window on the console of one server. */
export class Visit {
  private readonly problems: string[] = []
  private readonly allowed: RegExp[] = []

  private constructor(
    readonly page: Page,
    readonly server: Server,
    readonly language: Language,
    private readonly context: BrowserContext,
  ) {}

  static async open(browser: Browser, server: Server, options: VisitOptions = {}): Promise<Visit> {
    const language = options.language ?? 'en-US'
    const origin = server.origin
    const token = options.as ? [{ name: 'updraft.token', value: options.as.token }] : []
    const context = await browser.newContext({
      locale: language,
      colorScheme: options.theme ?? 'light',
      viewport: options.viewport ?? { width: 1280, height: 860 },
      reducedMotion: 'reduce',
      timezoneId: 'Asia/Shanghai',
      permissions: ['clipboard-read', 'clipboard-write'],
      storageState: { cookies: [], origins: [{ origin, localStorage: token }] },
    })
    const dist = process.env.UPDRAFT_CONSOLE_DIST
    if (dist) await takeConsoleFrom(dist, context)
    const visit = new Visit(await context.newPage(), server, language, context)
    await visit.watch()
    return visit
  }

  private async watch(): Promise<void> {
    this.page.setDefaultTimeout(20_000)
    await this.page.exposeFunction('reportViolation', (what: string) =>
      this.problems.push(`content security policy: ${what}`),
    )
    await this.page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        const report = (window as never as { reportViolation: (what: string) => void })
          .reportViolation
        report(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`)
      })
    })
    this.page.on('console', (message) => {
      if (message.type() === 'error') {
        this.problems.push(`console: ${message.text()} (${message.location().url})`)
      }
    })
    this.page.on('pageerror', (error) => this.problems.push(`exception: ${error.stack}`))
    this.page.on('request', (request) => {
      const url = new URL(request.url())
      if (!['data:', 'blob:'].includes(url.protocol) && url.host !== this.server.http) {
        this.problems.push(`request to another host: ${request.url()}`)
      }
    })
  }

  /** Goes to an address of the console: `/firmware?page=2`. */
  readonly go = async (path: string): Promise<void> => {
    await this.page.goto(`${this.server.origin}/console${path}`)
  }

  /** A text of the console in this visit's language. */
  readonly t = (key: string, values?: Record<string, unknown>): string =>
    text(this.language, key, values)

  /** Reports that match are part of what the test does, such as the browser's note of a refused request. */
  readonly allow = (pattern: RegExp): void => {
    this.allowed.push(pattern)
  }

  /** What happened that must not. */
  get findings(): string[] {
    return this.problems.filter((problem) => !this.allowed.some((each) => each.test(problem)))
  }

  async keepEvidence(folder: string, name: string): Promise<void> {
    mkdirSync(folder, { recursive: true })
    const path = `${folder}/${name.replace(/[^\p{L}\p{N}]+/gu, '_').slice(0, 120)}`
    await this.page.screenshot({ path: `${path}.png` }).catch(() => {})
    writeFileSync(
      `${path}.txt`,
      `${this.page.url()}\n\n${this.problems.join('\n')}\n\n${this.server.log()}`,
    )
  }

  async close(): Promise<void> {
    await this.context.close()
  }
}
