// npm run screenshots -- --out DIR: a picture of every page, in both languages and both themes.
import { mkdirSync } from 'node:fs'
import { languages } from './support/messages'
import { addressOf, pageRoutes, populate, settled } from './support/pages'
import { test } from './support/test'
import type { Theme } from './support/browser'

const out = process.env.UPDRAFT_SCREENSHOTS!
const themes: Theme[] = ['light', 'dark']

test('screenshots', { timeout: 1_200_000 }, async ({ visit, world }) => {
  const examples = await populate(world)
  for (const language of languages) {
    for (const theme of themes) {
      const folder = `${out}/${language}-${theme}`
      mkdirSync(folder, { recursive: true })
      const inside = await visit({ language, theme, as: world.api })
      const outside = await visit({ language, theme })
      for (const route of pageRoutes) {
        const opened = route.open ? outside : inside
        await opened.go(addressOf(route, examples))
        await settled(opened)
        await opened.page.screenshot({ path: `${folder}/${route.name}.png` })
      }
    }
  }
})
