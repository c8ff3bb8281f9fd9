// Fails when a page's first visit takes more than the budget: everything that must arrive before the page
// shows, compressed by gzip. Reads the manifest that vite leaves in dist.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const budgetBytes = 500_000
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))
const sizes = new Map()

function gzipBytes(file) {
  if (!sizes.has(file)) {
    sizes.set(file, gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length)
  }
  return sizes.get(file)
}

/** The files of a chunk and of all that it imports at once. */
function filesOf(key, files = new Set(), seen = new Set()) {
  if (seen.has(key)) return files
  seen.add(key)
  const chunk = manifest[key]
  for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file)
  for (const imported of chunk.imports ?? []) filesOf(imported, files, seen)
  return files
}

/** What a page imports while it runs, such as a chart: it belongs to its first visit. */
function laterOf(key, seen = new Set()) {
  for (const imported of manifest[key].imports ?? []) {
    if (!manifest[imported].isEntry) laterOf(imported, seen)
  }
  for (const imported of manifest[key].dynamicImports ?? []) {
    if (!seen.has(imported)) {
      seen.add(imported)
      laterOf(imported, seen)
    }
  }
  return seen
}

const bytesOf = (files) => [...files].reduce((sum, file) => sum + gzipBytes(file), 0)
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} KB`.padStart(7)

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry)
const shell = filesOf(entry)
const page = gzipBytes('index.html')
const rows = (manifest[entry].dynamicImports ?? []).map((key) => {
  const now = filesOf(key, new Set(shell))
  const later = [...laterOf(key)].reduce((files, name) => filesOf(name, files), new Set(now))
  return { key, now: bytesOf(now) + page, later: bytesOf(later) + page }
})
rows.push({ key: 'shell', now: bytesOf(shell) + page, later: bytesOf(shell) + page })
rows.sort((a, b) => b.later - a.later)

const tooMuch = rows.filter((row) => row.now > budgetBytes)
const shown = process.argv.includes('--all') ? rows : [...new Set([rows[0], ...tooMuch])]
console.log(
  `first load by gzip, budget ${kilobytes(budgetBytes).trim()} (with what is loaded later):`,
)
for (const row of shown)
  console.log(`${kilobytes(row.now)} (${kilobytes(row.later).trim()})  ${row.key}`)
if (tooMuch.length > 0) {
  console.error(
    'over the budget: load what few pages use with import(), see `npm run check:size -- --all`',
  )
  process.exitCode = 1
}
