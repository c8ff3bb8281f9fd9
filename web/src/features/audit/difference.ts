/** What an entry of the audit log says has changed, member by member. */
export interface Difference {
  /** "configuration.secureKey", "properties[0].value" */
  member: string
  before?: string
  after?: string
  change: 'added' | 'removed' | 'changed' | 'same'
}

/** The server hides a secret behind this; the second where the secret itself has changed. */
export const hidden = '***'
export const hiddenChanged = '*** (changed)'

/** Members of an object by path; a list or object without members stands for itself. */
function flat(value: unknown, path: string, into: Map<string, string>) {
  if (value !== null && typeof value === 'object' && Object.keys(value).length) {
    const list = Array.isArray(value)
    for (const [key, each] of Object.entries(value)) {
      flat(each, list ? `${path}[${key}]` : path ? `${path}.${key}` : key, into)
    }
  } else if (path) {
    into.set(path, typeof value === 'string' ? value : JSON.stringify(value))
  }
}
function members(value: unknown): Map<string, string> {
  const map = new Map<string, string>()
  // What somebody altered in the database may be no JSON: it is shown as it is.
  flat(value !== null && typeof value === 'object' ? value : { '': value ?? undefined }, '', map)
  if (typeof value === 'string') map.set('?', value)
  return map
}

/** All members of both sides in their order, those of `before` first. */
export function differences(before: unknown, after: unknown): Difference[] {
  const old = members(before)
  const now = members(after)
  return [...new Set([...old.keys(), ...now.keys()])].map((member) => {
    const [from, to] = [old.get(member), now.get(member)]
    if (from === undefined) return { member, after: to, change: 'added' }
    if (to === undefined) return { member, before: from, change: 'removed' }
    const change = from === to ? 'same' : 'changed'
    return { member, before: from, after: to, change }
  })
}
