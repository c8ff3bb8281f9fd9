// The whole way of 远程升级 in a browser: from the sign-in to the deletion, in both languages.
import { createHash } from 'node:crypto'
import type { Visit } from './support/browser'
import { languages } from './support/messages'
import { choose, confirm, counter, dropFile, pick } from './support/screen'
import { adminPassword } from './support/server'
import { eventually, expect, test } from './support/test'
import { credentials, type World } from './support/world'

const content = Buffer.from('firmware of the life cycle '.repeat(4000))
const sha256 = createHash('sha256').update(content).digest('hex')
const quick = ['--latency-min', '1', '--latency-max', '5', '--install-time', '50']

async function signIn({ page, t, go }: Visit) {
  await go('/login')
  await page.getByLabel(t('access.username'), { exact: true }).fill('admin')
  await page.getByLabel(t('access.password'), { exact: true }).fill(adminPassword)
  await page.getByRole('button', { name: t('access.signIn') }).click()
  await page.getByRole('navigation', { name: t('app.menu') }).waitFor()
}

async function addProduct({ page, t, go }: Visit, id: string) {
  await go('/products/new')
  await page.getByLabel(t('products.id')).fill(id)
  await page.getByLabel(t('products.name')).fill(`name of ${id}`)
  await choose(page.getByRole('combobox', { name: t('products.protocol') }), 'JetLinks')
  await choose(page.getByRole('combobox', { name: t('products.transport') }), 'MQTT')
  await page.getByText(t('products.canUpgrade')).waitFor()
  await page.getByRole('textbox', { name: 'secureId' }).fill(credentials.secureId)
  await page.getByRole('textbox', { name: 'secureKey' }).fill(credentials.secureKey)
  await page.getByRole('checkbox', { name: t('products.enableNow') }).check()
  await page.getByRole('button', { name: t('act.save') }).click()
  await page.getByRole('heading', { name: `name of ${id}` }).waitFor()
}

async function addDevice({ page, t, go }: Visit, product: string, id: string) {
  await go('/devices/new')
  await page.getByLabel(t('devices.id')).fill(id)
  await page.getByLabel(t('devices.name')).fill(`name of ${id}`)
  await choose(page.getByRole('combobox', { name: t('devices.product') }), product)
  await page.getByRole('checkbox', { name: t('products.enableNow') }).check()
  await page.getByRole('button', { name: t('act.save') }).click()
  await page.getByRole('heading', { name: `name of ${id}` }).waitFor()
}

/** Drops the file onto the list, types a wrong signature first, and ends on the firmware's page. */
async function addFirmware({ page, t, go }: Visit, product: string, version: string) {
  await go('/firmware')
  await page.getByRole('heading', { name: t('nav.firmware') }).waitFor()
  await dropFile(page, 'life.bin', content)
  await page.getByText(t('firmware.uploadDone')).first().waitFor()
  await page.getByLabel(t('firmware.formName'), { exact: true }).fill(`${product} ${version}`)
  await choose(page.getByLabel(t('firmware.product'), { exact: true }), product)
  await page.getByLabel(t('firmware.formVersion'), { exact: true }).fill(version)
  const sign = page.getByLabel(t('firmware.sign'), { exact: true })
  await sign.fill('0'.repeat(64))
  await page.getByRole('button', { name: t('act.confirm'), exact: true }).click()
  await page.getByText(t('firmware.signDiffers')).waitFor()
  await sign.fill(sha256)
  await page.getByText(t('firmware.signMatches')).waitFor()
  await page.getByRole('button', { name: t('act.confirm'), exact: true }).click()
  await page.getByRole('heading', { name: `${product} ${version}` }).waitFor()
}

async function addTask({ page, t }: Visit, name: string, mode: 'push' | 'pull', ids: string[]) {
  await page
    .getByRole('button', { name: t('tasks.add') })
    .first()
    .click()
  await page.getByLabel(t('tasks.name'), { exact: true }).fill(name)
  await pick(page, t(`mode.${mode}`))
  if (ids.length > 0) {
    await pick(page, t('tasks.release.part'))
    await pick(page, t('tasks.choice.list'))
    await page.getByRole('textbox', { name: t('tasks.choice.list') }).fill(ids.join('\n'))
  }
  const preview = page.getByRole('region', { name: t('tasks.preview') })
  await preview.getByText(t('tasks.previewTotal')).waitFor()
  await page.getByRole('button', { name: t('tasks.start') }).click()
  await page.getByRole('group', { name: t('tasks.counters') }).waitFor()
}

async function reaches({ page }: Visit, state: string, count: number) {
  await eventually(async () => (await counter(page, state)) === count)
}

async function act({ page, t }: Visit, name: string) {
  // The act of the whole task stands before those of its records.
  await page
    .getByRole('button', { name: t(name), exact: true })
    .first()
    .click()
  await confirm(page, t('act.confirm'))
}

async function upgradeAll(visit: Visit, world: World, product: string) {
  await addTask(visit, 'push to all', 'push', [])
  // Nothing is touched: the page follows by itself to the end, where one device has failed.
  await reaches(visit, 'success', 4)
  await reaches(visit, 'failed', 1)
  await act(visit, 'tasks.retryAll')
  await reaches(visit, 'success', 5)
  expect(await world.api.rows('/device-instance', { productId: product })).toHaveLength(5)
}

async function upgradeTwo(visit: Visit, world: World, product: string, ids: string[]) {
  await addTask(visit, 'pull by two', 'pull', ids)
  await reaches(visit, 'waiting', 2)
  await act(visit, 'tasks.stop')
  await reaches(visit, 'canceled', 2)
  await act(visit, 'tasks.continue')
  await reaches(visit, 'waiting', 2)
  world.fleet({
    product,
    prefix: ids[0].slice(0, -1),
    count: 2,
    flags: [...quick, '--pull-interval', '200'],
  })
  await reaches(visit, 'success', 2)
}

async function editAndDelete(visit: Visit, firmware: string, tasks: string[]) {
  const { page, t, go } = visit
  await go('/firmware')
  await page.getByRole('link', { name: firmware }).click()
  await page.getByRole('heading', { name: firmware }).waitFor()
  await page.getByRole('button', { name: t('act.edit'), exact: true }).click()
  await page.getByLabel(t('field.description')).fill('edited')
  await page.getByRole('button', { name: t('act.confirm'), exact: true }).click()
  await page.getByText('edited').first().waitFor()

  const row = page.getByRole('row').filter({ hasText: firmware })
  const remove = async () => {
    await go('/firmware')
    await row.getByRole('button', { name: t('act.delete'), exact: true }).click()
    await confirm(page, t('act.confirm'))
  }
  for (const task of tasks) {
    await remove()
    const dialog = page.getByRole('dialog', { name: t('firmware.refusedTitle') })
    await dialog.getByRole('link', { name: task }).click()
    await act(visit, 'tasks.remove')
    await page.getByRole('heading', { name: t('nav.tasks') }).waitFor()
  }
  await remove()
  await row.waitFor({ state: 'detached' })
}

for (const language of languages) {
  test(`a firmware from its upload to its deletion (${language})`, async ({ visit, world }) => {
    const product = `life-${language.slice(0, 2)}`
    const opened = await visit({ language })
    opened.allow(/status of 400/) // the deletion that is refused
    // A page whose task has just been deleted may ask for its chart once more.
    opened.allow(/status of 404 .*\/firmware\/upgrade\/task\/\d+\/(progress|failures)/)
    await signIn(opened)
    await addProduct(opened, product)
    await addDevice(opened, product, `${product}-bad-1`)
    await world.devices(product, `${product}-good-`, 4)
    world.fleet({ product, prefix: `${product}-good-`, count: 4, flags: quick })
    world.fleet({
      product,
      prefix: `${product}-bad-`,
      count: 1,
      flags: [...quick, '--failure-rate', '1', '--fail-once'],
    })

    await addFirmware(opened, product, '1.1.0')
    await upgradeAll(opened, world, product)
    await world.end()
    const second = `${product} 1.2.0`
    await world.firmware(product, '1.2.0', 9, 'two', { name: second })
    await opened.go('/firmware')
    await opened.page.getByRole('link', { name: second }).click()
    await upgradeTwo(opened, world, product, [`${product}-good-1`, `${product}-good-2`])
    await editAndDelete(opened, second, ['pull by two'])
  })
}
