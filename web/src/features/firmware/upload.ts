/**
 * Sends a file in pieces. The server keeps what it has by a session id, so that an upload goes on after a lost
 * connection, a restart of the server, or a reload of the page.
 */
import { ApiError, credentials, refusal, requestHeaders, type Schemas } from '@/api/client'

export type FileInfo = Schemas['FileInfo']

export interface UploadProgress {
  /** Bytes that the server has. */
  sent: number
  total: number
  /** Bytes per second of late; undefined until it is known. */
  speed?: number
  secondsLeft?: number
  /** The connection is lost: milliseconds until the next try. */
  retryIn?: number
}

/** What of the browser an upload needs; tests bring their own. */
export interface Transport {
  fetch: typeof fetch
  /** Milliseconds. */
  now: () => number
  /** Ends early when the network is back; rejects when aborted. */
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

export interface UploadOptions {
  /** 1..64 of [0-9a-zA-Z_-], one per file. */
  sessionId: string
  /** The server may already have a part: ask it first. */
  resume?: boolean
  signal: AbortSignal
  onProgress?: (progress: UploadProgress) => void
  transport?: Transport
}

/** The session on the server belongs to a file of another length. */
export class OtherFileError extends Error {}

const pieceMin = 256 << 10
const pieceFirst = 1 << 20
const pieceMax = 8 << 20
/** What one piece should take: long beside the way there and back, short enough that a lost one costs little. */
const pieceTarget = 3_000
const pieceDeadline = 120_000
const waitFirst = 500
const waitMax = 15_000
const serverErrorsMax = 5

/** Answers the stored file. Throws ApiError for a refusal, DOMException when aborted or when the file is unreadable. */
export async function uploadInPieces(file: File, options: UploadOptions): Promise<FileInfo> {
  const { sessionId, signal, onProgress = () => {}, transport = browser } = options
  const meter = new SpeedMeter()
  let piece = pieceFirst
  let offset = 0
  let ask = options.resume ?? false
  let failures = 0

  const report = (retryIn?: number) => {
    const speed = retryIn === undefined ? meter.bytesPerSecond : undefined
    const secondsLeft = speed ? (file.size - offset) / speed : undefined
    onProgress({ sent: offset, total: file.size, speed, secondsLeft, retryIn })
  }

  for (;;) {
    signal.throwIfAborted()
    try {
      if (ask) {
        offset = await nextOffset(file, sessionId, signal, transport)
        ask = false
      }
      meter.add(transport.now(), offset)
      report()
      const began = transport.now()
      const answer = await sendPiece(file, sessionId, offset, piece, signal, transport)
      failures = 0
      if ('id' in answer) {
        onProgress({ sent: file.size, total: file.size })
        return answer
      }
      offset = Math.min(answer.nextOffset, file.size - 1)
      piece = nextPiece(piece, transport.now() - began)
    } catch (error) {
      failures += 1
      if (signal.aborted || !passes(error, failures)) throw error
      ask = true // what arrived before the cut is kept by the server
      piece = Math.max(pieceMin, piece >> 1)
      meter.clear()
      const wait = waitBefore(failures)
      report(wait)
      await transport.sleep(wait, signal)
    }
  }
}

/** 0.5 s, 1 s, 2 s ... 15 s. */
export function waitBefore(failures: number): number {
  return Math.min(waitMax, waitFirst * 2 ** (failures - 1))
}

/** The piece after one of `size` bytes that took `took` ms. */
export function nextPiece(size: number, took: number): number {
  const factor = Math.min(2, Math.max(0.5, pieceTarget / Math.max(1, took)))
  return Math.min(pieceMax, Math.max(pieceMin, Math.round(size * factor)))
}

/** May the same request go well later? */
function passes(error: unknown, failures: number): boolean {
  if (error instanceof Lost) return true
  if (!(error instanceof ApiError)) return false
  if ([408, 429, 502, 503, 504].includes(error.status)) return true
  return error.status === 500 && failures <= serverErrorsMax
}

/** No answer: the network or the server is away. */
class Lost extends Error {}

async function sendPiece(
  file: File,
  sessionId: string,
  offset: number,
  size: number,
  signal: AbortSignal,
  transport: Transport,
): Promise<Schemas['ShardedUpload']> {
  // Read first: an unreadable file must not look like a lost connection.
  const body = await file.slice(offset, offset + size).arrayBuffer()
  const query = new URLSearchParams({
    offset: String(offset),
    length: String(file.size),
    name: file.name,
  })
  return ask<Schemas['ShardedUpload']>(`${pathOf(sessionId)}?${query}`, signal, transport, {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body,
  })
}

async function nextOffset(
  file: File,
  sessionId: string,
  signal: AbortSignal,
  transport: Transport,
): Promise<number> {
  let session: Schemas['UploadSession']
  try {
    session = await ask(pathOf(sessionId), signal, transport)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return 0
    throw error
  }
  if (session.length !== file.size) throw new OtherFileError(file.name)
  return Math.min(session.nextOffset, file.size - 1)
}

const pathOf = (sessionId: string) => `/api/file/upload/sharding/${encodeURIComponent(sessionId)}`

async function ask<T>(
  url: string,
  signal: AbortSignal,
  transport: Transport,
  init: RequestInit = {},
): Promise<T> {
  let response: Response
  let body: { result?: unknown } | undefined
  try {
    response = await transport.fetch(url, {
      ...init,
      headers: { ...requestHeaders(), ...init.headers },
      signal: AbortSignal.any([signal, AbortSignal.timeout(pieceDeadline)]),
    })
    body = await response.json().catch(() => undefined)
  } catch {
    signal.throwIfAborted()
    throw new Lost()
  }
  if (response.status === 401) credentials.onSignedOut()
  if (!response.ok) throw refusal(response, body)
  if (body?.result === undefined) throw new Lost()
  return body.result as T
}

/** Speed over the last seconds: it follows the link, and does not jump with every piece. */
export class SpeedMeter {
  private samples: { at: number; bytes: number }[] = []

  /** @param window Milliseconds that count. */
  constructor(private readonly window = 8_000) {}

  /** `bytes` have been sent in all at the time `at`. */
  add(at: number, bytes: number) {
    this.samples.push({ at, bytes })
    while (this.samples.length > 2 && this.samples[1]!.at <= at - this.window) this.samples.shift()
  }

  clear() {
    this.samples = []
  }

  get bytesPerSecond(): number | undefined {
    const [first, last] = [this.samples[0], this.samples.at(-1)]
    if (!first || !last || last.at <= first.at) return undefined
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000
  }
}

const browser: Transport = {
  fetch: (...args) => fetch(...args),
  now: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const over = (act: () => void) => {
        clearTimeout(timer)
        window.removeEventListener('online', onOnline)
        signal.removeEventListener('abort', onAbort)
        act()
      }
      const onOnline = () => over(resolve)
      const onAbort = () => over(() => reject(signal.reason))
      const timer = setTimeout(onOnline, milliseconds)
      window.addEventListener('online', onOnline)
      signal.addEventListener('abort', onAbort)
    }),
}
