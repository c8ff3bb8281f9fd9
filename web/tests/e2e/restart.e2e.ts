// What happens around the console: the server restarts, the page is reloaded, the connection is cut.
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { counter } from './support/screen'
import { eventually, expect, test } from './support/test'

test('a task goes on by itself after the server was restarted', async ({
  visit,
  world,
  server,
}) => {
  await world.product('restart')
  await world.devices('restart', 're-', 3)
  const task = await world.task(await world.firmware('restart', '1.1.0', 1), 'over a restart')
  const opened = await visit({ as: world.api })
  opened.allow(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|status of 503/)
  opened.allow(/ERR_CONNECTION_RESET|ERR_CONNECTION_CLOSED/)
  const { page, t, go } = opened
  await go(`/tasks/${task.id}`)
  await eventually(async () => (await counter(page, 'waiting')) === 3)
  await page.getByText(t('app.live'), { exact: true }).waitFor()

  await server.stop()
  await page.getByText(t('app.liveLost')).first().waitFor()
  await server.start()
  await page.getByText(t('app.live'), { exact: true }).waitFor()
  world.fleet({ product: 'restart', prefix: 're-', count: 3, flags: ['--install-time', '50'] })
  await eventually(async () => (await counter(page, 'success')) === 3)
})

test('an upload goes on after a reload in its middle', async ({ visit, world, server }) => {
  await world.product('upload')
  const content = randomBytes(8 * 1024 * 1024)
  const path = server.path('large.bin')
  writeFileSync(path, content)
  const opened = await visit({ as: world.api })
  opened.allow(/ERR_ABORTED/)
  const { page, t, go } = opened
  // The line is slow, so that there is a middle.
  const session = await page.context().newCDPSession(page)
  const rate = { offline: false, latency: 0, downloadThroughput: -1 }
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', {
    ...rate,
    uploadThroughput: 1024 * 1024,
  })
  const sent: number[] = []
  page.on('request', (request) => {
    const { pathname, searchParams } = new URL(request.url())
    if (/\/file\/upload\/sharding\//.test(pathname) && request.method() === 'POST') {
      sent.push(Number(searchParams.get('offset')))
    }
  })

  await go('/firmware/new')
  await page.setInputFiles('input[type=file]', path)
  await page.getByRole('progressbar').waitFor()
  await eventually(async () => sent.length >= 2)
  await page.reload()
  await page.getByText(t('firmware.interruptedHint')).waitFor()
  await session.send('Network.emulateNetworkConditions', { ...rate, uploadThroughput: -1 })
  sent.length = 0
  await page.setInputFiles('input[type=file]', path)
  await page.getByText(t('firmware.uploadDone')).first().waitFor({ timeout: 60_000 })

  expect(Math.min(...sent), 'it did not start anew').toBeGreaterThan(0)
  await page
    .getByText(createHash('sha256').update(content).digest('hex'))
    .first()
    .waitFor({ timeout: 30_000 })
})
