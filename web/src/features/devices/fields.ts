/** Conditions of the device list that are no plain columns. */
import { contains, equals, type Term } from '@/api/query'

/** The version that a device reported: `1.2` finds what contains it, `=1.2` exactly this one. */
export function versionTerms(value: string): Term[] {
  const wanted = value.startsWith('=')
    ? equals('version', value.slice(1))
    : contains('version', value)
  return [{ column: 'id$dev-firmware', value: [wanted], type: 'and' } as Term]
}

/** `site=A, line=2`: all of these tags; a key alone finds every device that has it. */
export function tagTerms(value: string): Term[] {
  const wanted = value
    .split(/[,;，；]/)
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => {
      const at = part.indexOf('=')
      const key = (at < 0 ? part : part.slice(0, at)).trim()
      return at < 0
        ? { column: key, termType: 'like', value: '%' }
        : { column: key, value: part.slice(at + 1).trim() }
    })
  if (wanted.length && wanted.every((tag) => tag.column && tag.value))
    return [{ column: 'id$dev-tag', value: wanted, type: 'and' } as Term]
  // Half-typed, as in `site=`: no device, rather than all of them, which a task would then take.
  return [{ column: 'id', termType: 'isnull', value: 1, type: 'and' } as Term]
}
