/** Programs that a test starts, and ends again whatever happens. */
import { spawn, type ChildProcess } from 'node:child_process'
import { openSync } from 'node:fs'
import { resolve } from 'node:path'

export const binary = resolve(process.env.UPDRAFT_BINARY ?? '../build/release/updraft')
const stopMilliseconds = 10_000 // design: SIGTERM ends the server within this time

const running = new Set<ChildProcess>()
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')))

export interface Started {
  child: ChildProcess
  /** Fulfilled with the exit code. */
  ended: Promise<number | null>
}

/** Starts the program with a log file for its standard error. UPDRAFT_... variables are not inherited. */
export function start(
  flags: string[],
  logPath: string,
  environment: Record<string, string> = {},
): Started {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('UPDRAFT_'))
  const child = spawn(binary, flags, {
    env: { ...Object.fromEntries(inherited), ...environment },
    stdio: ['ignore', 'pipe', openSync(logPath, 'a')],
  })
  running.add(child)
  const ended = new Promise<number | null>((done, failed) => {
    child.on('error', failed)
    child.on('exit', (code) => {
      running.delete(child)
      done(code)
    })
  })
  return { child, ended }
}

/** Ends it by SIGTERM; fails if it does not end in time. */
export async function stop({ child, ended }: Started): Promise<number | null> {
  if (child.exitCode === null) child.kill('SIGTERM')
  const late = new Promise<never>((_, failed) =>
    setTimeout(() => {
      child.kill('SIGKILL')
      failed(new Error('still running 10 s after SIGTERM'))
    }, stopMilliseconds).unref(),
  )
  return Promise.race([ended, late])
}
