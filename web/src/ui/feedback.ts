/** Short messages after an act. */
import { App } from 'antdv-next'
import { useI18n } from 'vue-i18n'
import { ApiError } from '@/api/client'

export function useFeedback() {
  const { message, modal } = App.useApp()
  const { t } = useI18n()

  function done(text?: string) {
    void message.success(text ?? t('act.done'))
  }

  /** Says why something failed. What the sign-in page handles itself (401) is not said twice. */
  function failed(error: unknown) {
    if (error instanceof ApiError && error.status === 401) return
    void message.error(reasonOf(error), 6)
  }

  function reasonOf(error: unknown): string {
    if (error instanceof ApiError) return error.unreachable ? t('app.unreachable') : error.message
    return error instanceof Error ? error.message : String(error)
  }

  /** Runs an act, says how it went, and answers whether it went well. */
  async function attempt(act: () => Promise<unknown>, text?: string): Promise<boolean> {
    try {
      await act()
    } catch (error) {
      failed(error)
      return false
    }
    done(text)
    return true
  }

  /** Asks before an act; resolves to the answer. */
  function ask(title: string, content?: string, danger = false): Promise<boolean> {
    return new Promise((resolve) => {
      modal.confirm({
        title,
        content,
        okText: t('act.confirm'),
        cancelText: t('act.cancel'),
        okButtonProps: { danger },
        onOk: () => resolve(true),
        onCancel: () => resolve(false),
      })
    })
  }

  return { done, failed, reasonOf, attempt, ask }
}
