/** Keys that work on every page: `/` focuses the search of the page, Ctrl/⌘ K opens the command palette. */
import { onMounted, onUnmounted, ref } from 'vue'

export const paletteOpen = ref(false)

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  )
}

export function useShortcuts() {
  function onKey(event: KeyboardEvent) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      paletteOpen.value = true
      return
    }
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
    if (typing(event.target)) return
    const search = document.querySelector<HTMLInputElement>(
      '[data-search] input, input[data-search]',
    )
    if (!search) return
    event.preventDefault()
    search.focus()
    search.select()
  }
  onMounted(() => window.addEventListener('keydown', onKey))
  onUnmounted(() => window.removeEventListener('keydown', onKey))
}
