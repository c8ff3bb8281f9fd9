/**
 * Two faults of the kit that shut out people with a screen reader or without a mouse, put right wherever its elements
 * appear. Imported once.
 *
 * - The `aria-label` of a Select stays on its frame, where no screen reader looks (also for the page sizes of tables,
 *   which the kit makes itself): it is copied to the input inside.
 * - A table's hidden row that measures the columns repeats the header's checkboxes, which take the focus: it is made inert.
 */
const labelled = '.ant-select[aria-label]'
const measuring = '.ant-table-measure-row'

function copyLabel(select: Element) {
  const text = select.getAttribute('aria-label')!
  const input = select.querySelector('input[role="combobox"]')
  if (input && input.getAttribute('aria-label') !== text) input.setAttribute('aria-label', text)
}

function repair(added: Element) {
  const around = added.closest(labelled)
  if (around) copyLabel(around)
  added.querySelectorAll(labelled).forEach(copyLabel)
  added.closest(measuring)?.setAttribute('inert', '')
  added.querySelectorAll(measuring).forEach((row) => row.setAttribute('inert', ''))
}

new MutationObserver((changes) => {
  for (const { type, target, addedNodes } of changes) {
    if (type === 'attributes') {
      if ((target as Element).matches(labelled)) copyLabel(target as Element)
      continue
    }
    for (const node of addedNodes) if (node instanceof Element) repair(node)
  }
}).observe(document, {
  subtree: true,
  childList: true,
  attributes: true,
  attributeFilter: ['aria-label'],
})
