// Whatever people and devices type is text: in every list, page, tip and title.
import { starterScript } from '@/features/protocols/starter'
import { pageRoutes, addressOf, settled } from './support/pages'
import { expect, test } from './support/test'

const evil = '<script>window.broken=1</script><img src=x onerror="window.broken=1">'

test('a stored script shows as text wherever it can stand', async ({ visit, world }) => {
  const { api } = world
  await world.product('evil', evil.slice(0, 64))
  await world.devices('evil', 'evil-', 1)
  await api.patch('/device-instance', [
    { id: 'evil-1', name: evil.slice(0, 64), productId: 'evil', describe: evil },
  ])
  const credential = { kind: 'token', name: evil.slice(0, 64) }
  await api.post('/device-instance/evil-1/credentials', credential)
  await api.post('/device-product/evil/credentials', credential)
  const script = await api.post('/protocol', {
    name: evil.slice(0, 64),
    description: evil,
    type: 'lua',
    script: `-- ${evil}\n${starterScript('en-US')}`,
  })
  const file = await world.file('evil.bin', 'y')
  const artifact = {
    fileId: file.id,
    part: evil.slice(0, 64),
    name: evil.slice(0, 64),
    version: '',
  }
  const firmware = await world.firmware('evil', evil.slice(0, 64), 1, 'x', {
    name: evil.slice(0, 64),
    description: evil,
    properties: [{ id: evil, value: evil }],
    moreArtifacts: [artifact],
  })
  const task = await world.task(firmware, evil.slice(0, 64), { description: evil })
  const [record] = await api.rows('/firmware/upgrade/history', { taskId: task.id })
  const role = await api.post('/role', { name: evil.slice(0, 64), description: evil, grants: [] })
  const user = await api.post('/user', {
    name: evil.slice(0, 64),
    username: 'evil',
    password: 'correct horse',
    roleIds: [role.id],
  })
  const examples = {
    ...{ firmware: firmware.id, tasks: task.id, recordId: record.id, products: 'evil' },
    scriptId: script.id,
    ...{ devices: 'evil-1', protocols: 'jetlinks.v3.0', roles: role.id, users: user.id },
  }
  const opened = await visit({ as: api })
  let seen = 0
  for (const route of pageRoutes.filter(({ open }) => !open)) {
    await opened.go(addressOf(route, examples))
    await settled(opened)
    seen += await opened.page.getByText('<script>window.broken=1').count()
    expect(await opened.page.evaluate(() => 'broken' in window), route.path).toBe(false)
  }
  expect(seen).toBeGreaterThan(10)
})
