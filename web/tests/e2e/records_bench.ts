// npm run bench:records: how quick a task's page is with UPDRAFT_BENCH_RECORDS (1,000,000) records.
import { settled } from './support/pages'
import { eventually, test } from './support/test'
import type { Api } from './support/api'
import type { Page } from 'playwright-core'

const total = Number(process.env.UPDRAFT_BENCH_RECORDS)
const linesAFile = 200_000
const results: [string, string][] = []
const note = (what: string, milliseconds: number) =>
  results.push([what, `${Math.round(milliseconds)} ms`])

/** Devices come as CSV files, as an operator's would. */
async function importDevices(api: Api, product: string): Promise<void> {
  for (let first = 0; first < total; first += linesAFile) {
    const lines = ['id,name']
    for (let i = first; i < Math.min(first + linesAFile, total); i++) {
      lines.push(`bench-${String(i).padStart(7, '0')},device ${i}`)
    }
    const form = new FormData()
    form.append('file', new Blob([lines.join('\n')], { type: 'text/csv' }), 'devices.csv')
    await api.post(`/device-instance/_import?productId=${product}`, form)
  }
}

/** Frames a second while the table is scrolled by the wheel. */
async function scrollRate(page: Page): Promise<number> {
  await page.getByRole('region').last().hover()
  const frames = page.evaluate(
    () =>
      new Promise<number>((done) => {
        const from = performance.now()
        let count = 0
        const frame = () => {
          count += 1
          if (performance.now() - from < 2000) requestAnimationFrame(frame)
          else done((count * 1000) / (performance.now() - from))
        }
        requestAnimationFrame(frame)
      }),
  )
  for (let i = 0; i < 40; i++) await page.mouse.wheel(0, 200)
  return frames
}

/** The longest time that a query of the page took, as the browser saw it. */
function slowestAnswer(page: Page): Promise<number> {
  return page.evaluate(() =>
    Math.max(
      ...performance
        .getEntriesByType('resource')
        .filter(({ name }) => name.includes('_query'))
        .map(({ duration }) => duration),
    ),
  )
}

test('a task with many records', { timeout: 1_800_000 }, async ({ visit, world }) => {
  const product = await world.product('bench')
  await importDevices(world.api, product)
  const began = performance.now()
  const task = await world.task(await world.firmware(product, '1.1.0', 1), 'many', { mode: 'pull' })
  note(`task over ${total} devices created`, performance.now() - began)
  const terms = [{ column: 'taskId', value: task.id }]
  const made = () => world.api.post('/firmware/upgrade/history/_count', { terms })
  await eventually(async () => (await made()) === total, 300_000)
  note('all records there', performance.now() - began)

  const opened = await visit({ as: world.api })
  const { page, t, go } = opened
  await go('/tasks')
  await settled(opened)
  const rows = page.locator('tbody tr[data-row-key]')
  const timed = async (what: string, act: () => Promise<unknown>, answered: RegExp) => {
    const from = performance.now()
    const answer = page.waitForResponse((each) => answered.test(each.url()))
    await act()
    await answer
    await rows.first().waitFor()
    note(what, performance.now() - from)
  }
  const query = /history\/(detail\/)?_query/
  await timed(
    'first rows, from the list of tasks',
    () => page.getByRole('link', { name: 'many', exact: true }).click(),
    query,
  )
  await timed('first rows, by the address', () => go(`/tasks/${task.id}`), query)
  results.push(["  of it the server's answers", `${Math.round(await slowestAnswer(page))} ms`])
  await settled(opened)
  await timed('filter by state', () => page.locator('[data-state="waiting"]').click(), query)
  await settled(opened)
  const search = page.getByRole('textbox', { name: t('act.search') }).last()
  await timed('search by text', () => search.fill('device 99999'), query)
  await settled(opened)
  await search.fill('')
  await settled(opened)
  await go(`/tasks/${task.id}?size=200`)
  await settled(opened)
  results.push(['scrolling 200 rows', `${Math.round(await scrollRate(page))} frames/s`])
  const heap = await page.evaluate(
    () => (performance as never as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
  )
  results.push(["the page's memory", `${Math.round(heap / 1024 / 1024)} MiB`])
  console.log(results.map(([what, value]) => `${what.padEnd(40)} ${value}`).join('\n'))
})
