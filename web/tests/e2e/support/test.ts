/** `test` with what every browser test needs: a server, a world of rows on it, and visits of users. */
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { expect, test as base } from 'vitest'
import { launch, Visit, type VisitOptions } from './browser'
import { Server } from './server'
import { World } from './world'

const evidence = fileURLToPath(new URL('../failures', import.meta.url))

interface Fixtures {
  browser: Browser
  server: Server
  world: World
  /** Opens a window; its console must stay without errors, its policy unbroken, its requests at home. */
  visit: (options?: VisitOptions) => Promise<Visit>
}

export const test = base.extend<Fixtures>({
  browser: [
    // eslint-disable-next-line no-empty-pattern -- vitest reads the dependencies from the pattern
    async ({}, use) => {
      const browser = await launch()
      await use(browser)
      await browser.close()
    },
    { scope: 'worker' },
  ],
  server: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const server = await new Server().start()
      await use(server)
      await server.remove()
    },
    { scope: 'file' },
  ],
  world: async ({ server }, use) => {
    const world = new World(server, await server.api())
    await use(world)
    await world.end()
  },
  visit: async ({ browser, server, task }, use) => {
    const visits: Visit[] = []
    await use(async (options) => {
      const visit = await Visit.open(browser, server, options)
      visits.push(visit)
      return visit
    })
    const findings = visits.flatMap((visit) => visit.findings)
    if (findings.length > 0 || task.result?.state === 'fail') {
      for (const [index, visit] of visits.entries()) {
        await visit.keepEvidence(evidence, `${task.name} ${index + 1}`)
      }
    }
    await Promise.all(visits.map((visit) => visit.close()))
    expect(findings, 'errors in the browser').toEqual([])
  },
})

export { eventually } from './eventually'
export { expect }
