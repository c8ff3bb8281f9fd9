/** Numbers, sizes and times as people read them. */
import dayjs from 'dayjs'

const none = '--'

export function formatTime(at?: number | null): string {
  return at ? dayjs(at).format('YYYY-MM-DD HH:mm:ss') : none
}

export function formatCount(count?: number | null): string {
  return count === undefined || count === null ? none : count.toLocaleString('en-US')
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** 1536 → `1.5 KiB`. */
export function formatBytes(bytes?: number | null): string {
  if (bytes === undefined || bytes === null) return none
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`
}

/** Seconds as `1:02:03` or `4:05`. */
export function formatClock(seconds?: number | null): string {
  if (seconds === undefined || seconds === null || !Number.isFinite(seconds)) return none
  const whole = Math.max(0, Math.round(seconds))
  const two = (part: number) => String(part).padStart(2, '0')
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}
