/** What a timeline shows of each entry, and how entries are put into days. */
import dayjs from 'dayjs'
import type { Schemas } from '@/api/client'

/** One thing that happened to a device, as the server tells it. */
export type TimelineEntry = Schemas['TimelineEntry']

/** How an entry looks: the icon, the colour (a CSS variable of the state colours) and the key of its title. */
export interface Look {
  icon: string
  colour: string
  title: string
}

const stateIcons: Record<string, string> = {
  waiting: 'waiting',
  processing: 'start',
  success: 'success',
  failed: 'error',
  canceled: 'stop',
}

/** An unknown type has no title: the page shows the type itself. */
export function lookOf(entry: TimelineEntry): Look {
  if (entry.kind === 'state') {
    const state = entry.state?.value ?? 'waiting'
    return { icon: stateIcons[state] ?? 'info', colour: state, title: `state.${state}` }
  }
  if (entry.kind === 'connection') {
    const online = entry.type === 'online'
    return {
      icon: online ? 'online' : 'offline',
      colour: online ? 'success' : 'waiting',
      title: `devices.log.${entry.type}`,
    }
  }
  return {
    icon: entry.direction === 'down' ? 'down' : 'up',
    colour: saysNo(entry) ? 'failed' : 'processing',
    title: `devices.log.${entry.type}`,
  }
}

/** What a hawkBit device said of an update (hawkbit-ddi 5 to 7). */
export interface Feedback {
  /** Keys of texts, `devices.feedback.…`, in the order in which they are read. */
  words: string[]
  code?: number
  progress?: string
  /** The device's own words. */
  lines: string[]
  failed: boolean
}

/** The content of a feedback; undefined if it is none. The device's words stay as they are. */
export function feedbackOf(entry: TimelineEntry): Feedback | undefined {
  if (entry.type !== 'ddiFeedback') return undefined
  const message = parse(entry.content)
  if (!isObject(message)) return undefined
  const status = isObject(message.status) ? message.status : message
  const result = isObject(status.result) ? status.result : status
  const words = [status.execution, status.confirmation, result.finished].filter(
    (word): word is string => typeof word === 'string' && word !== 'none',
  )
  if (!words.length) return undefined
  return {
    words: words.map((word) => `devices.feedback.${word}`),
    ...(typeof status.code === 'number' ? { code: status.code } : {}),
    ...progressOf(result.progress ?? status.progress),
    lines: Array.isArray(status.details) ? status.details.map(String).filter(Boolean) : [],
    failed: words.some((word) => ['failure', 'rejected', 'denied'].includes(word)),
  }
}

function progressOf(progress: unknown): { progress?: string } {
  if (!isObject(progress) || typeof progress.cnt !== 'number') return {}
  return {
    progress:
      typeof progress.of === 'number' ? `${progress.cnt} / ${progress.of}` : `${progress.cnt}`,
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Does the message itself say that something failed? */
function saysNo(entry: TimelineEntry): boolean {
  const feedback = feedbackOf(entry)
  if (feedback) return feedback.failed
  const message = parse(entry.content)
  return typeof message === 'object' && message !== null && 'success' in message
    ? message.success === false
    : false
}

/** JSON text with line breaks for people; what is no JSON stays as it is; '' when there is nothing to read. */
export function readable(content?: string): string {
  const value = parse(content)
  if (value === undefined) return content ?? ''
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.keys(value).length ? JSON.stringify(value, null, 2) : ''
}

function parse(content?: string): unknown {
  try {
    return JSON.parse(content ?? '')
  } catch {
    return undefined
  }
}

/** Before when the page after `page` begins, whose entries are newest first; undefined when there is none. */
export function olderThan(page: TimelineEntry[], limit: number): number | undefined {
  return page.length < limit ? undefined : page.at(-1)?.timestamp
}

export interface TimelineDay {
  date: string
  entries: TimelineEntry[]
}

/** Consecutive entries of the same day of the browser's zone; the order of the entries stays. */
export function byDay(entries: TimelineEntry[]): TimelineDay[] {
  const days: TimelineDay[] = []
  for (const entry of entries) {
    const date = dayjs(entry.timestamp).format('YYYY-MM-DD')
    const last = days.at(-1)
    if (last?.date === date) last.entries.push(entry)
    else days.push({ date, entries: [entry] })
  }
  return days
}

/** The time of day with its milliseconds, which tell apart what happens within a second. */
export function clockOf(timestamp: number): string {
  return dayjs(timestamp).format('HH:mm:ss.SSS')
}
