// Every page, whatever it is for: it opens by its address, breaks no rule of accessibility in either theme, and
// shows what people typed as text.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Theme, Visit } from './support/browser'
import type { Language } from './support/messages'
import { addressOf, pageRoutes, populate, settled, type Examples } from './support/pages'
import { expect, test as base } from './support/test'
import { World } from './support/world'

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
)

const test = base.extend<{ populated: { world: World; examples: Examples } }>({
  populated: [
    async ({ server }, use) => {
      const world = new World(server, await server.api())
      await use({ world, examples: await populate(world) })
      await world.end()
    },
    { scope: 'file' },
  ],
})

/** Serious and critical findings, with the elements they are about. */
async function accessibilityFindings({ page }: Visit): Promise<string[]> {
  await page.evaluate(axeSource) // not as a script element: the page's policy forbids those
  const results: AxeResults = await page.evaluate(() =>
    (window as never as { axe: typeof import('axe-core') }).axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
      resultTypes: ['violations'],
    }),
  )
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 200))].join('\n  '))
}

const appearances: [Theme, Language][] = [
  ['light', 'zh-CN'],
  ['dark', 'en-US'],
]
for (const route of pageRoutes) {
  for (const [theme, language] of appearances) {
    test(`${route.path} is accessible (${theme}, ${language})`, async ({ visit, populated }) => {
      const as = route.open ? undefined : populated.world.api
      const opened = await visit({ theme, language, as })
      await opened.go(addressOf(route, populated.examples))
      await settled(opened)

      expect(await accessibilityFindings(opened)).toEqual([])
    })
  }
}

test('an unknown address says so and leads back', async ({ visit, populated }) => {
  const { page, go, t } = await visit({ as: populated.world.api })
  await go('/nowhere/at/all')
  await page.getByText(t('app.notFound')).waitFor()
})
