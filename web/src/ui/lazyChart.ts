/** The chart as a part that is loaded when it is drawn first, and again after the server was away. */
import { defineAsyncComponent } from 'vue'

/** Waits between the attempts, in ms; then it is given up until the page is opened again. */
const waits = [500, 1000, 2000, 4000, 8000, 8000, 8000]

async function load() {
  for (const wait of waits) {
    try {
      return await import('./charts')
    } catch {
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
  return import('./charts')
}

export const LazyChart = defineAsyncComponent(load)
