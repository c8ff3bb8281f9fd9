import { languages } from './support/messages'
import { adminPassword, Server } from './support/server'
import { eventually, expect, test } from './support/test'
import { Visit } from './support/browser'

for (const language of languages) {
  test(`a user signs in and out (${language})`, async ({ visit }) => {
    const { page, t, go } = await visit({ language })
    await go('/firmware')
    await page.getByLabel(t('access.username'), { exact: true }).fill('admin')
    await page.getByLabel(t('access.password'), { exact: true }).fill(adminPassword)
    await page.getByRole('button', { name: t('access.signIn') }).click()

    await page.getByRole('heading', { name: t('nav.firmware') }).waitFor()
    expect(page.url()).toMatch(/\/console\/firmware$/)
    await page.getByRole('button', { name: '超级管理员' }).click()
    await page.getByRole('menuitem', { name: t('app.signOut') }).click()
    await page.getByRole('button', { name: t('access.signIn') }).waitFor()
  })

  test(`a wrong password is refused in the user's language (${language})`, async ({ visit }) => {
    const window = await visit({ language })
    const { page, t } = window
    window.allow(/status of 400|status of 401/)
    await window.go('/login')
    await page.getByLabel(t('access.username'), { exact: true }).fill('admin')
    await page.getByLabel(t('access.password'), { exact: true }).fill('wrong')
    await page.getByRole('button', { name: t('access.signIn') }).click()

    const alert = page.getByRole('alert').filter({ hasText: /\S/ }).first()
    await alert.waitFor()
    expect(/[\u4e00-\u9fff]/.test((await alert.textContent())!)).toBe(language === 'zh-CN')
  })
}

// The link is in the server's log of the first start; the token must not stay where others may read it.
test("the first start's link sets the admin's password once", async ({ browser }) => {
  const server = await new Server(null).start()
  const visit = await Visit.open(browser, server)
  try {
    const link = /http:\/\/\S+\/console\/setup\?token=\S+/.exec(server.log())![0]
    const { page } = visit
    await page.goto(link)
    await page.getByLabel(visit.t('access.newPassword'), { exact: true }).fill(adminPassword)
    await page.getByLabel(visit.t('access.again'), { exact: true }).fill(adminPassword)
    expect(page.url()).not.toContain('token')
    await page.getByRole('button', { name: visit.t('act.save') }).click()

    await page.getByRole('button', { name: visit.t('access.signIn') }).waitFor()
    await server.api()
    await page.goto(link)
    await page.getByText(visit.t('access.setupWrong')).waitFor()
    expect(visit.findings).toEqual([])
  } finally {
    await visit.close()
    await server.remove()
  }
})

test('a sign-in that was revoked leads to the sign-in page and back', async ({ visit, server }) => {
  const api = await server.api()
  const window = await visit({ as: api })
  const { page } = window
  window.allow(/status of 401/)
  await window.go('/firmware')
  await page.getByRole('heading', { name: window.t('nav.firmware') }).waitFor()
  await api.get('/user-token/reset')
  await page.reload()
  await page.getByLabel(window.t('access.username'), { exact: true }).fill('admin')
  await page.getByLabel(window.t('access.password'), { exact: true }).fill(adminPassword)
  await page.getByRole('button', { name: window.t('access.signIn') }).click()
  await page.getByRole('heading', { name: window.t('nav.firmware') }).waitFor()
})

test('language and theme are switched without a reload, and kept', async ({ visit, world }) => {
  const { page, t, go } = await visit({ language: 'zh-CN', as: world.api })
  await go('/firmware')
  await page.getByRole('button', { name: 'English' }).click()
  await page.getByRole('heading', { name: 'Remote upgrade' }).waitFor()
  await page.getByRole('button', { name: 'Theme' }).click()
  await page.getByRole('menuitem', { name: 'Dark' }).click()
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme)
  await eventually(async () => (await theme()) === 'dark')
  await page.reload()
  await page.getByRole('heading', { name: 'Remote upgrade' }).waitFor()
  expect(await theme()).toBe('dark')
  expect(await page.getByRole('heading', { name: t('nav.firmware') }).count()).toBe(0)
})
