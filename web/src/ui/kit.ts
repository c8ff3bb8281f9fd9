/** Theme algorithms and texts of the kit. */
import { theme } from 'antdv-next'
import enUS from 'antdv-next/locale/en_US'
import zhCN from 'antdv-next/locale/zh_CN'
import dayjs from 'dayjs'
import 'dayjs/locale/zh-cn'

export const { darkAlgorithm, defaultAlgorithm } = theme

/** The kit's own texts (paging, calendars) in our language. */
export function kitLocale(language: string) {
  dayjs.locale(language === 'zh-CN' ? 'zh-cn' : 'en')
  return language === 'zh-CN' ? zhCN : enUS
}
