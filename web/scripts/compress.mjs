// Writes `x.br` and `x.gz` next to every file of dist that the server hands out compressed.
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
const compressible = /\.(js|css|svg|json|wasm|txt)$/
const fromBytes = 1024

async function compress(path) {
  const content = await readFile(path)
  if (content.length < fromBytes) return 0
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(content, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
      },
    }),
    promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }),
  ])
  await Promise.all([writeFile(`${path}.br`, br), writeFile(`${path}.gz`, gz)])
  return 1
}

const files = (await readdir(dist, { recursive: true })).filter(
  (name) => compressible.test(name) && !name.startsWith('.'),
)
const done = await Promise.all(files.map((name) => compress(join(dist, name))))
console.log(`compressed ${done.reduce((sum, one) => sum + one, 0)} of ${files.length} files`)
