/** Tags as rows of a form. */
export interface Tag {
  key: string
  value: string
}

export const tagList = (tags: Tag[]): Tag[] => tags.map(({ key, value }) => ({ key, value }))

/** Rows without a key are left out; of the same key the last one counts. */
export function tagMap(tags: Tag[]): Record<string, string> {
  return Object.fromEntries(
    tags.filter((tag) => tag.key.trim()).map((tag) => [tag.key.trim(), tag.value.trim()]),
  )
}
