/** Scopes of a token as the form shows them: one choice for each resource and action. */
import type { Schemas } from '@/api/client'

export type Scope = Schemas['ApiTokenScope']

const separator = ':'

/** `['a:query', 'a:save', 'b:query']` → scopes, one for each resource. */
export function scopesOf(choices: string[]): Scope[] {
  const scopes = new Map<string, string[]>()
  for (const choice of choices) {
    const at = choice.lastIndexOf(separator)
    const id = choice.slice(0, at)
    scopes.set(id, [...(scopes.get(id) ?? []), choice.slice(at + 1)])
  }
  return [...scopes].map(([id, actions]) => ({ id, actions: actions as Scope['actions'] }))
}

export function choiceOf(resource: string, action: string): string {
  return `${resource}${separator}${action}`
}
