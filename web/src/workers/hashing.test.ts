// @vitest-environment node
import { expect, it } from 'vitest'
import { hash, headOf } from './hashing'

// The sample of the specification: 14 ASCII bytes.
it('computes both digests', async () => {
  expect(await hash(new Blob(['hello firmware']))).toEqual({
    md5: '5d99b396caab4bfae4e25207b62b30e2',
    sha256: '836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd',
  })
})

it('reports the head first and every piece', async () => {
  const seen: (number | string)[] = []
  const file = new Blob([new Uint8Array(9 << 20)])
  await hash(file, { onHead: () => seen.push('head'), onProgress: (bytes) => seen.push(bytes) })
  expect(seen).toEqual(['head', 4 << 20, 8 << 20, 9 << 20])
})

it('tells files apart by their first MiB', async () => {
  const start = new Uint8Array(1 << 20)
  const same = await headOf(new Blob([start, 'tail one']))
  expect(await headOf(new Blob([start, 'another tail']))).toBe(same)
  expect(await headOf(new Blob(['x', start]))).not.toBe(same)
})
