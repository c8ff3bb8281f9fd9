/** Copies a text, and says that it did. */
import { useI18n } from 'vue-i18n'
import { useFeedback } from './feedback'

export function useCopy() {
  const { t } = useI18n()
  const { done, failed } = useFeedback()
  return async (text: string) => {
    try {
      await copyToClipboard(text)
      done(t('act.copied'))
    } catch (error) {
      failed(error)
    }
  }
}

/** The clipboard API is there on HTTPS and localhost only; plain HTTP takes the older way. */
async function copyToClipboard(text: string) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}
