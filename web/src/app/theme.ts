/** Light, dark, or what the system says. */
import { computed, ref, watchEffect } from 'vue'

export type ThemeChoice = 'light' | 'dark' | 'system'

const storageKey = 'updraft.theme'
const system = window.matchMedia('(prefers-color-scheme: dark)')
const systemDark = ref(system.matches)
system.addEventListener('change', (change) => (systemDark.value = change.matches))

const stored = localStorage.getItem(storageKey)
export const themeChoice = ref<ThemeChoice>(
  stored === 'light' || stored === 'dark' ? stored : 'system',
)
export const dark = computed(() =>
  themeChoice.value === 'system' ? systemDark.value : themeChoice.value === 'dark',
)

watchEffect(() => {
  localStorage.setItem(storageKey, themeChoice.value)
  document.documentElement.dataset.theme = dark.value ? 'dark' : 'light'
})
