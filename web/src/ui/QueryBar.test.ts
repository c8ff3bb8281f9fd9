import { mount } from '@vue/test-utils'
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { nextTick, ref } from 'vue'
import { i18n } from '@/app/i18n'
import type { Search } from './list'
import QueryBar from './QueryBar.vue'

const quick = ref('')
const setQuick = vi.fn((text: string) => {
  quick.value = text
})
const list = {
  fields: ref([]),
  conditions: ref({}),
  filtered: ref(false),
  quick,
  setQuick,
} as unknown as Search

function bar() {
  const client = new QueryClient()
  return mount(QueryBar, {
    props: { list },
    global: { plugins: [i18n, [VueQueryPlugin, { queryClient: client }]] },
  })
}

beforeEach(() => {
  vi.useFakeTimers()
  quick.value = ''
  setQuick.mockClear()
})
afterEach(() => vi.useRealTimers())

test('what is typed is searched after a pause, and a blank at its end stays', async () => {
  const page = bar()
  const input = page.get('input')

  await input.setValue('living ')
  vi.advanceTimersByTime(300)
  await nextTick()

  expect(setQuick).toHaveBeenCalledExactlyOnceWith('living')
  expect(input.element.value).toBe('living ')
  page.unmount()
})

// The search would be written into the address of the page that came after.
test('a page that is left searches no more', async () => {
  const page = bar()
  await page.get('input').setValue('living')

  page.unmount()
  vi.advanceTimersByTime(1000)

  expect(setQuick).not.toHaveBeenCalled()
})
