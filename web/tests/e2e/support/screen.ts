/** What people do with the parts of the kit that are no plain controls of HTML. */
import type { Locator, Page } from 'playwright-core'

/** Picks an option of a drop-down list by its text. */
export async function choose(field: Locator, option: string): Promise<void> {
  await field.click()
  const popup = field
    .page()
    .locator('.ant-select-dropdown:visible .ant-select-item-option')
    .filter({ hasText: option })
    .first()
  await popup.click()
}

/** Takes one of several radio buttons by its text. */
export async function pick(page: Page, name: string): Promise<void> {
  await page.locator('label').getByText(name, { exact: true }).first().click()
}

/** Answers the question that the last click has brought up with its first word, such as 确认. */
export async function confirm(page: Page, word: string): Promise<void> {
  await page
    .locator('.ant-popconfirm:visible, .ant-modal:visible')
    .last()
    .getByRole('button', { name: word, exact: true })
    .click()
}

/** Drops a file onto the page, as from the desktop. */
export async function dropFile(page: Page, name: string, content: Buffer): Promise<void> {
  const data = await page.evaluateHandle(
    ([fileName, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
      const transfer = new DataTransfer()
      transfer.items.add(new File([bytes], fileName))
      return transfer
    },
    [name, content.toString('base64')] as const,
  )
  for (const event of ['dragenter', 'dragover', 'drop']) {
    await page.dispatchEvent('main', event, { dataTransfer: data })
  }
}

/** The number on a counter of a task's page. */
export async function counter(page: Page, state: string): Promise<number> {
  const shown = await page.locator(`[data-state="${state}"]`).textContent()
  return Number(/[\d,]+\s*$/.exec(shown ?? '')?.[0].replace(/,/g, ''))
}
