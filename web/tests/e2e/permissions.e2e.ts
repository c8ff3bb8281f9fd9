// A user who may only look sees everything and can change nothing, on the screen and past it.
import { Api } from './support/api'
import { languages } from './support/messages'
import { expect, test } from './support/test'

for (const language of languages) {
  test(`a role that may look cannot act (${language})`, async ({ visit, world, server }) => {
    const tag = language.slice(0, 2)
    await world.product(`seen-${tag}`)
    await world.devices(`seen-${tag}`, `seen-${tag}-`, 2)
    const firmware = await world.firmware(`seen-${tag}`, '1.0.0', 1)
    const task = await world.task(firmware, `seen ${tag}`)
    const role = await world.api.post('/role', {
      name: `looks ${tag}`,
      grants: [{ code: 'device/Firmware', buttons: ['view'] }],
    })
    const person = { username: `guest-${tag}`, password: 'only looking 1' }
    await world.api.post('/user', { ...person, name: person.username, roleIds: [role.id] })
    const guest = await new Api(server.origin).signIn(person.username, person.password)

    const { page, t, go } = await visit({ language, as: guest })
    await go('/firmware')
    const row = page.getByRole('row').filter({ hasText: 'firmware 1.0.0' }).first()
    await row.waitFor()
    for (const name of ['act.edit', 'act.delete']) {
      expect(await row.getByRole('button', { name: t(name), exact: true }).isDisabled()).toBe(true)
    }
    expect(await page.getByRole('button', { name: t('firmware.add') }).isDisabled()).toBe(true)
    expect(await page.getByRole('link', { name: t('nav.users') }).count()).toBe(0)

    await go(`/tasks/${task.id}`)
    await page.getByRole('group', { name: t('tasks.counters') }).waitFor()
    for (const name of ['tasks.stop', 'tasks.remove']) {
      const buttons = page.getByRole('button', { name: t(name), exact: true })
      await buttons.first().waitFor()
      for (const button of await buttons.all()) expect(await button.isDisabled(), name).toBe(true)
    }
    await go('/users')
    await page.getByText(t('app.forbidden'), { exact: true }).first().waitFor()

    const attempts: [string, string, unknown][] = [
      ['POST', `/firmware/upgrade/task/${task.id}/_stop`, []],
      ['PATCH', '/firmware', { id: firmware.id, description: 'changed' }],
      ['DELETE', `/firmware/${firmware.id}`, undefined],
      ['POST', '/user/_query', {}],
    ]
    for (const [method, path, body] of attempts) {
      expect((await guest.refused(method, path, body)).status, path).toBe(403)
    }
  })
}
