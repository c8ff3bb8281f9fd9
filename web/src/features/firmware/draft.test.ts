import { beforeEach, describe, expect, it } from 'vitest'
import { DraftStore, type Draft } from './draft'
import { emptyForm } from './form'

let now = 0
const rows = new Map<string, string>()
const storage = {
  getItem: (key: string) => rows.get(key) ?? null,
  setItem: (key: string, value: string) => void rows.set(key, value),
  removeItem: (key: string) => void rows.delete(key),
}
const store = (tab: string, user = 'u', form = 'new') =>
  new DraftStore(user, form, tab, storage, () => now)
const draft = (name: string): Draft => ({ form: { ...emptyForm(), name } })

beforeEach(() => {
  now = 1_000_000
  rows.clear()
})

describe('DraftStore', () => {
  it('gives back what the same tab kept', () => {
    store('a').save(draft('gate'))
    expect(store('a').load()?.form.name).toBe('gate')
  })

  it('keeps users and forms apart', () => {
    store('a').save(draft('gate'))
    expect(store('a', 'other').load()).toBeUndefined()
    expect(store('a', 'u', 'f1').load()).toBeUndefined()
  })

  // Two tabs with the same new form: the second neither shows nor destroys what the first is doing.
  it('leaves the draft of a busy tab alone', () => {
    store('a').save(draft('first'))
    const second = store('b')
    expect(second.load()).toBeUndefined()
    second.save(draft('second'))
    second.drop()
    expect(store('a').load()?.form.name).toBe('first')
  })

  it('takes over from a tab that was closed', () => {
    store('a').save(draft('gate'))
    now += 60_000
    expect(store('b').load()?.form.name).toBe('gate')
  })

  // The server has thrown the pieces away by then.
  it('forgets a draft after a day', () => {
    store('a').save(draft('gate'))
    now += 25 * 3_600_000
    expect(store('a').load()).toBeUndefined()
  })

  it('survives storage that is full or spoiled', () => {
    rows.set('updraft.firmware-draft.u.new', '{')
    expect(store('a').load()).toBeUndefined()
    const full = {
      ...storage,
      setItem: () => {
        throw new DOMException('full', 'QuotaExceededError')
      },
    }
    expect(() => new DraftStore('u', 'x', 'a', full).save(draft('gate'))).not.toThrow()
  })
})
