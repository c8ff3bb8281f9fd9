/** Sending a form: that it runs, why it was refused, and which of its items are to blame. */
import { ref } from 'vue'
import { ApiError, type FieldError } from '@/api/client'
import { useFeedback } from './feedback'

export function useSubmit() {
  const { done, reasonOf } = useFeedback()
  const running = ref(false)
  /** Why it was refused, as a sentence; '' while nothing is wrong. */
  const problem = ref('')
  const refused = ref<FieldError[]>([])

  /** Runs `act`, and says that it worked. Answers whether it did. */
  async function submit(act: () => Promise<unknown>): Promise<boolean> {
    running.value = true
    problem.value = ''
    refused.value = []
    try {
      await act()
    } catch (error) {
      problem.value = reasonOf(error)
      if (error instanceof ApiError) refused.value = error.fields
      return false
    } finally {
      running.value = false
    }
    done()
    return true
  }

  /** What the server says about one item, to be spread over its UFormItem. */
  function item(property: string) {
    const message = refused.value.find((field) => field.property === property)?.message
    return message ? { help: message, validateStatus: 'error' as const } : {}
  }

  return { running, problem, submit, item }
}
