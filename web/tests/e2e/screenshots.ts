// npm run screenshots -- --out DIR: a picture of every page, in both languages and both themes.
import { mkdirSync } from 'node:fs'
import type { Theme } from './support/browser'
import { languages } from './support/messages'
import { addressOf, overlays, pageRoutes, populate, settled } from './support/pages'
import { eventually, test } from './support/test'

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
      for (const overlay of overlays) {
        await inside.go(overlay.address(examples))
        await settled(inside)
        await inside.page.screenshot({ path: `${folder}/${overlay.name}.png` })
      }
    }
  }
})

/** The picture of the README: a rollout in its middle. */
test('console.png', { timeout: 300_000 }, async ({ visit, world }) => {
  await world.product('gateway-g3', 'Gateway G3')
  await world.devices('gateway-g3', 'g3-', 240)
  const before = await world.online()
  world.fleet({
    product: 'gateway-g3',
    prefix: 'g3-',
    count: 230,
    flags: ['--failure-rate', '0.08', '--install-time', '1500', '--seed', '3'],
  })
  await eventually(async () => (await world.online()) >= before + 230)
  const firmware = await world.firmware('gateway-g3', '1.2.0', 2, Buffer.alloc(600_000, 7))
  const task = await world.task(firmware, 'All gateways to 1.2.0', { rate: 6 })
  const opened = await visit({ as: world.api, viewport: { width: 1280, height: 900 } })
  await opened.go(`/tasks/${task.id}`)
  await eventually(async () => (await world.counts(task.id)).success >= 130, 120_000)
  mkdirSync(out, { recursive: true })
  await opened.page.screenshot({ path: `${out}/console.png` })
})
