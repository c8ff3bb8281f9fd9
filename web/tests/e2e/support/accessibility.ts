/** What axe finds on a page. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Visit } from './browser'

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
)

/** Serious and critical findings, with the elements they are about; of an open dialog alone, nothing behind it is reached. */
export async function accessibilityFindings({ page }: Visit): Promise<string[]> {
  await page.evaluate(axeSource) // not as a script element: the page's policy forbids those
  const results: AxeResults = await page.evaluate(() => {
    const dialogs = [...document.querySelectorAll('[role="dialog"]')]
    const open = dialogs.filter((each) => each.checkVisibility()).at(-1)
    return (window as never as { axe: typeof import('axe-core') }).axe.run(open ?? document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
      resultTypes: ['violations'],
    })
  })
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 200))].join('\n  '))
}
