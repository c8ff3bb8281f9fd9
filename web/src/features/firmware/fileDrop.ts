/** Files dropped anywhere on a page, and a file on its way from one page to the next. */
import { onMounted, onUnmounted, ref } from 'vue'

/**
 * Calls `onFile` with the first file dropped on the window; `over` while one hovers. An element with `data-takes-file`
 * keeps what is dropped on it.
 */
export function useFileDrop(allowed: () => boolean, onFile: (file: File) => void) {
  const over = ref(false)
  let depth = 0 // enter and leave come for every element on the way

  const carriesFile = (event: DragEvent) => !!event.dataTransfer?.types.includes('Files')
  function onEnter(event: DragEvent) {
    if (!carriesFile(event) || !allowed()) return
    depth += 1
    over.value = true
  }
  function onLeave(event: DragEvent) {
    if (!carriesFile(event) || !over.value) return
    depth -= 1
    if (depth <= 0) end()
  }
  function onOver(event: DragEvent) {
    if (carriesFile(event)) event.preventDefault() // also where it is not taken: no page may navigate to it
  }
  function onDrop(event: DragEvent) {
    if (!carriesFile(event)) return
    event.preventDefault()
    end()
    if (event.target instanceof Element && event.target.closest('[data-takes-file]')) return
    const file = event.dataTransfer?.files[0]
    if (file && allowed()) onFile(file)
  }
  function end() {
    depth = 0
    over.value = false
  }

  onMounted(() => {
    window.addEventListener('dragenter', onEnter)
    window.addEventListener('dragleave', onLeave)
    window.addEventListener('dragover', onOver)
    window.addEventListener('drop', onDrop)
  })
  onUnmounted(() => {
    window.removeEventListener('dragenter', onEnter)
    window.removeEventListener('dragleave', onLeave)
    window.removeEventListener('dragover', onOver)
    window.removeEventListener('drop', onDrop)
  })
  return { over }
}

let carried: File | undefined

/** Leaves a file for the form that is opened next. */
export function carryFile(file: File) {
  carried = file
}

/** The file that was left, once. */
export function takeCarriedFile(): File | undefined {
  const file = carried
  carried = undefined
  return file
}
