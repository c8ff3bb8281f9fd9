// Every page, whatever it is for: it opens by its address, breaks no rule of accessibility in either theme, and
// shows what people typed as text.
import { accessibilityFindings } from './support/accessibility'
import type { Theme } from './support/browser'
import type { Language } from './support/messages'
import { addressOf, overlays, pageRoutes, populate, settled, type Examples } from './support/pages'
import { expect, test as base } from './support/test'
import { World } from './support/world'

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

for (const overlay of overlays) {
  for (const [theme, language] of appearances) {
    test(`${overlay.name} is accessible (${theme}, ${language})`, async ({ visit, populated }) => {
      const opened = await visit({ theme, language, as: populated.world.api })
      await opened.go(overlay.address(populated.examples))
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
