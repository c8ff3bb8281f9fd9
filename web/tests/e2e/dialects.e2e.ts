// What further dialects need of a person: credentials, scripts, firmware of several files, and how a task is taken.
import { createHash } from 'node:crypto'
import type { Locator } from 'playwright-core'
import { accessibilityFindings } from './support/accessibility'
import type { Visit } from './support/browser'
import { languages } from './support/messages'
import { settled } from './support/pages'
import { choose, confirm, pick } from './support/screen'
import { eventually, expect, test } from './support/test'

const shown = (dialog: Locator) => dialog.locator('code').first().textContent()

/** The dialog with a secret: its text, once read. Closed again. */
async function toldOnce(visit: Visit, title: string): Promise<string> {
  const { page, t } = visit
  const dialog = page.getByRole('dialog', { name: t(title) })
  await dialog.getByText(t('credentials.once')).waitFor()
  const secret = (await shown(dialog)) ?? ''
  expect(await accessibilityFindings(visit)).toEqual([])
  await dialog.getByRole('button', { name: t('credentials.saved') }).click()
  await dialog.waitFor({ state: 'hidden' })
  return secret
}

for (const language of languages) {
  const tag = language.slice(0, 2)

  test(`a token is told once, rotated and revoked (${language})`, async ({ visit, world }) => {
    const product = await world.product(`keys-${tag}`)
    const [device] = await world.devices(product, `keys-${tag}-`, 1)
    const opened = await visit({ language, as: world.api })
    const { page, t, go } = opened
    await go(`/devices/${device}`)
    const card = page.getByRole('region', { name: t('credentials.title') })
    const rows = card.getByRole('listitem')

    await card.getByRole('button', { name: t('credentials.add') }).click()
    await page.getByLabel(t('credentials.name'), { exact: true }).fill('line 3')
    await page.getByRole('button', { name: t('act.save'), exact: true }).click()
    const first = await toldOnce(opened, 'credentials.created')
    expect(first).toMatch(/^[A-Za-z0-9]{32}$/)
    await rows.filter({ hasText: 'line 3' }).waitFor()
    expect(await page.content()).not.toContain(first)

    await rows.getByRole('button', { name: t('credentials.rotate') }).click()
    const question = page.getByRole('dialog', {
      name: t('credentials.rotateTitle', { name: 'line 3' }),
    })
    await question.getByText(t('credentials.keep.now'), { exact: true }).click()
    await question.getByRole('button', { name: t('credentials.rotate') }).click()
    const second = await toldOnce(opened, 'credentials.rotated')
    expect(second).not.toBe(first)
    await eventually(async () => (await rows.count()) === 2)
    await rows.filter({ hasText: t('credentials.expired') }).waitFor()

    const valid = rows.filter({ hasText: t('credentials.valid') })
    await valid.getByRole('button', { name: t('credentials.revoke') }).click()
    await confirm(page, t('act.confirm'))
    await eventually(async () => (await rows.count()) === 1)
    const left = await world.api.get(`/device-instance/${device}/credentials`)
    expect(left).toMatchObject([{ name: 'line 3', expired: true }])
  })

  test(`a product shows how devices connect (${language})`, async ({ visit, world }) => {
    const product = await world.product(`connect-${tag}`)
    const { page, t, go } = await visit({ language, as: world.api })
    await go(`/products/${product}`)
    const panel = page.getByRole('region', { name: t('products.connect.title') })
    await panel.getByRole('tab', { name: 'hawkBit DDI' }).click()
    await panel.getByText('/DEFAULT/controller/v1/DEVICE_ID').first().waitFor()
    await page.waitForURL(/connect=hawkbit/)

    const unknown = page.getByRole('switch', { name: t('products.switches.registerUnknown.title') })
    await unknown.click()
    await confirm(page, t('act.confirm'))
    await page.getByText(t('products.switches.registerUnknown.on')).waitFor()
    const row = await world.api.get(`/device-product/${product}`)
    expect(row.configuration.registerUnknown).toBe('true')
    expect(row.configuration.secureId).toBeTruthy()
  })

  test(`a script is mended, tried and saved (${language})`, async ({ visit, world }) => {
    const opened = await visit({ language, as: world.api })
    opened.allow(/status of 400/) // the script that is refused
    const { page, t, go } = opened
    await go('/protocols/new-script')
    await page.getByLabel(t('protocols.name'), { exact: true }).fill(`script ${tag}`)
    const editor = page.getByRole('textbox', { name: t('protocols.script'), exact: true })
    const right = await editor.inputValue()
    await editor.fill(right.replace('payload:byte(1)', 'payload:byte(1'))
    await page.getByRole('button', { name: t('protocols.check'), exact: true }).click()
    const refused = page.getByRole('alert').filter({ has: page.getByRole('button') })
    await refused.waitFor()
    const line = right.slice(0, right.indexOf('payload:byte(1)')).split('\n').length
    await expectLine(editor, [line, line + 1])
    await editor.hover() // a button under the mouse has another colour
    await settled(opened)
    expect(await accessibilityFindings(opened)).toEqual([])

    await editor.fill(right)
    await page.getByRole('button', { name: t('protocols.check'), exact: true }).click()
    const declares = page.getByRole('region', { name: t('protocols.declares') })
    await declares.getByText('MQTT', { exact: true }).waitFor()
    await declares.getByText('secureKey').first().waitFor()

    const trial = page.getByRole('region', { name: t('protocols.try'), exact: true })
    await trial.getByRole('button', { name: t('protocols.run'), exact: true }).click()
    await trial.getByText('"REQUEST_FIRMWARE"').waitFor()
    await trial.getByText(t('protocols.encode'), { exact: true }).click()
    await trial.getByRole('button', { name: t('protocols.run'), exact: true }).click()
    await trial.getByText('/p1/d1/down').waitFor()

    await page.getByRole('button', { name: t('act.save'), exact: true }).click()
    await page.getByRole('heading', { name: `script ${tag}` }).waitFor()
    await page.getByRole('heading', { name: 'MQTT' }).waitFor()
  })

  test(`a firmware of three files goes into a soft task (${language})`, async ({
    visit,
    world,
  }) => {
    const product = await world.product(`parts-${tag}`)
    await world.devices(product, `parts-${tag}-`, 1)
    const opened = await visit({ language, as: world.api })
    const { page, t, go } = opened
    await go('/firmware/new')
    const contents = ['main image', 'application', 'data'].map((text) => Buffer.from(text))
    await upload(page.locator('form'), 0, 'gate-1.1.0.bin', contents[0]!)
    await page.getByText(t('firmware.uploadDone')).first().waitFor()
    const modules = page.getByRole('region', { name: t('firmware.modules') })
    for (const index of [1, 2]) {
      await modules.getByRole('button', { name: t('firmware.addArtifact') }).click()
      const item = modules.getByRole('group').nth(index - 1)
      await upload(item, 0, `module-${index}.bin`, contents[index]!)
      await item.getByText(t('firmware.uploadDone')).first().waitFor()
      await item.getByLabel(t('firmware.part'), { exact: true }).fill(`part${index}`)
      await item.getByLabel(t('firmware.artifactVersion'), { exact: true }).fill(`${index}.0`)
    }
    await choose(page.getByLabel(t('firmware.product'), { exact: true }), product)
    await page.getByRole('button', { name: t('act.confirm'), exact: true }).click()
    await page.getByRole('heading', { name: 'gate-1.1.0' }).waitFor()
    const files = page.getByRole('list', { name: t('firmware.moreArtifacts') })
    for (const content of contents.slice(1)) {
      await files.getByText(createHash('sha256').update(content).digest('hex')).waitFor()
    }
    expect(await accessibilityFindings(opened)).toEqual([])

    await page
      .getByRole('button', { name: t('tasks.add') })
      .first()
      .click()
    await page.getByLabel(t('tasks.name'), { exact: true }).fill(`soft ${tag}`)
    await pick(page, t('mode.pull'))
    await pick(page, t('tasks.deployments.soft'))
    await page.getByRole('checkbox', { name: t('tasks.confirmation') }).check()
    await page.getByRole('button', { name: t('tasks.start') }).click()
    await page.getByRole('group', { name: t('tasks.counters') }).waitFor()
    await page.getByText(t('tasks.deployments.soft')).first().waitFor()
    await page.getByText(t('tasks.confirmed')).first().waitFor()
    const [task] = await world.api.rows('/firmware/upgrade/task', { name: `soft ${tag}` })
    expect(task).toMatchObject({ deployment: { value: 'soft' }, confirmationRequired: true })
  })
}

async function upload(within: Locator, nth: number, name: string, buffer: Buffer) {
  const file = { name, mimeType: 'application/octet-stream', buffer }
  await within.locator('input[type="file"]').nth(nth).setInputFiles(file)
}

/** The line that the caret of an editor is in is one of `lines`. */
async function expectLine(editor: Locator, lines: number[]) {
  await eventually(async () => {
    const line = await editor.evaluate((field: HTMLTextAreaElement) => {
      return field.value.slice(0, field.selectionStart).split('\n').length
    })
    return lines.includes(line)
  })
}
