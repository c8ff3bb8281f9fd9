/** Digests of a file, computed in a worker so that the page stays quick. */
import type { DigestMessage } from '@/workers/digest'
import type { Digests, HashingCallbacks } from '@/workers/hashing'

export type { Digests } from '@/workers/hashing'

/** Ends with an AbortError when `signal` is aborted; the worker is gone in any case. */
export function digestOf(
  file: File,
  signal: AbortSignal,
  callbacks: HashingCallbacks = {},
): Promise<Digests> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('../../workers/digest.ts', import.meta.url), {
      type: 'module',
    })
    const end = (act: () => void) => {
      worker.terminate()
      signal.removeEventListener('abort', onAbort)
      act()
    }
    const onAbort = () => end(() => reject(signal.reason))
    signal.addEventListener('abort', onAbort)
    worker.onerror = (event) => end(() => reject(new Error(event.message || 'worker')))
    worker.onmessage = ({ data }: MessageEvent<DigestMessage>) => {
      if ('head' in data) callbacks.onHead?.(data.head)
      else if ('hashed' in data) callbacks.onProgress?.(data.hashed)
      else if ('digests' in data) end(() => resolve(data.digests))
      else end(() => reject(new DOMException(data.problem, 'NotReadableError')))
    }
    worker.postMessage(file)
  })
}
