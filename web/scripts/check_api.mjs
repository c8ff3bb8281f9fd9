// Fails when src/api/schema.d.ts is not what `npm run generate` makes of api/openapi.yaml.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const web = new URL('../', import.meta.url).pathname
const schema = 'src/api/schema.d.ts'
const { generate } = JSON.parse(readFileSync(join(web, 'package.json'), 'utf8')).scripts

const folder = mkdtempSync(join(tmpdir(), 'updraft-api-'))
try {
  const fresh = join(folder, 'schema.d.ts')
  const made = spawnSync(generate.replace(schema, fresh), {
    cwd: web,
    shell: true,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${join(web, 'node_modules/.bin')}:${process.env.PATH}` },
  })
  if (made.status !== 0) {
    console.error(made.stdout + made.stderr)
    process.exitCode = 1
  } else if (readFileSync(fresh, 'utf8') !== readFileSync(join(web, schema), 'utf8')) {
    console.error(
      `web/${schema} is not what api/openapi.yaml says: run \`npm run generate\` in web/ and commit it.`,
    )
    process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true })
}
