// npm run screenshots -- --out DIR [--binary FILE]: starts a server with a small fleet and takes a picture of every
// page, in both languages and both themes, into DIR/<language>-<theme>/<page>.png.
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { out: { type: 'string' }, binary: { type: 'string' } } })
if (!values.out) {
  console.error('usage: npm run screenshots -- --out DIR [--binary FILE]')
  process.exit(2)
}
const run = spawnSync('npx', ['vitest', 'run', '--config', 'vitest.e2e.config.ts'], {
  cwd: new URL('../', import.meta.url).pathname,
  stdio: 'inherit',
  env: {
    ...process.env,
    // npm starts scripts in web/; people name folders from where they are.
    UPDRAFT_SCREENSHOTS: resolve(process.env.INIT_CWD ?? '.', values.out),
    ...(values.binary && { UPDRAFT_BINARY: resolve(process.env.INIT_CWD ?? '.', values.binary) }),
  },
})
process.exit(run.status ?? 1)
