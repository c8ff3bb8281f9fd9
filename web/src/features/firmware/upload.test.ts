// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { ApiError } from '@/api/client'
import {
  nextPiece,
  OtherFileError,
  SpeedMeter,
  uploadInPieces,
  waitBefore,
  type Transport,
  type UploadProgress,
} from './upload'

const mebi = 1 << 20

/** A server that keeps pieces, with a plan of what goes wrong: one entry for each request, undefined = nothing. */
class FakeServer {
  received = new Map<string, { length: number; bytes: Uint8Array; next: number }>()
  requests: string[] = []
  time = 0
  sleeps: number[] = []

  constructor(private plan: (number | 'cut' | 'cut after' | undefined)[] = []) {}

  get transport(): Transport {
    return {
      fetch: (url, init) => this.fetch(String(url), init ?? {}),
      now: () => this.time,
      sleep: async (milliseconds, signal) => {
        this.sleeps.push(milliseconds)
        signal.throwIfAborted()
      },
    }
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    this.time += 100
    init.signal?.throwIfAborted()
    const { pathname, searchParams } = new URL(url, 'http://server')
    const session = pathname.split('/').at(-1)!
    this.requests.push(`${init.method ?? 'GET'} ${searchParams.get('offset') ?? ''}`.trim())
    const trouble = this.plan.shift()
    if (trouble === 'cut') throw new TypeError('network')
    if (typeof trouble === 'number') {
      return Response.json({ message: 'no', code: 'x', status: trouble }, { status: trouble })
    }
    const answer = init.method ? this.store(session, searchParams, init) : this.stateOf(session)
    if (trouble === 'cut after') throw new TypeError('network')
    return answer
  }

  private stateOf(session: string): Response {
    const kept = this.received.get(session)
    if (!kept) return Response.json({ message: 'none', status: 404 }, { status: 404 })
    return Response.json({
      result: { sessionId: session, length: kept.length, nextOffset: kept.next },
    })
  }

  private store(session: string, query: URLSearchParams, init: RequestInit): Response {
    const piece = new Uint8Array(init.body as ArrayBuffer)
    const length = Number(query.get('length'))
    const kept = this.received.get(session) ?? { length, bytes: new Uint8Array(length), next: 0 }
    kept.bytes.set(piece, Number(query.get('offset')))
    kept.next = Math.max(kept.next, Number(query.get('offset')) + piece.length)
    this.received.set(session, kept)
    if (kept.next < length) return this.stateOf(session)
    return Response.json({ result: { id: 'file', length } })
  }
}

function someFile(size: number): File {
  const bytes = new Uint8Array(size).map((_, index) => (index * 31) % 251)
  return new File([bytes], 'fw.bin', { lastModified: 1 })
}

async function bytesOf(file: File) {
  return new Uint8Array(await file.arrayBuffer())
}

/** Did the server get the very bytes of the file? */
async function arrived(server: FakeServer, file: File): Promise<boolean> {
  return Buffer.from(server.received.get('s')!.bytes).equals(await bytesOf(file))
}

function send(
  file: File,
  server: FakeServer,
  more: Partial<Parameters<typeof uploadInPieces>[1]> = {},
) {
  const signal = new AbortController().signal
  return uploadInPieces(file, { sessionId: 's', signal, transport: server.transport, ...more })
}

describe('uploadInPieces', () => {
  it('sends every byte once, in pieces, and answers the file', async () => {
    const [file, server] = [someFile(5 * mebi + 7), new FakeServer()]

    const stored = await send(file, server)

    expect(stored.id).toBe('file')
    expect(server.requests.length).toBeGreaterThan(1)
    expect(await arrived(server, file)).toBe(true)
  })

  // After a reload: what the server has is not sent again.
  it('goes on from where the server stands', async () => {
    const [file, server] = [someFile(3 * mebi), new FakeServer()]
    const bytes = (await bytesOf(file)).slice()
    server.received.set('s', { length: file.size, bytes, next: 2 * mebi + 5 })

    await send(file, server, { resume: true })

    expect(server.requests).toEqual(['GET', `POST ${2 * mebi + 5}`])
  })

  it('begins at 0 when the server has forgotten the session', async () => {
    const server = new FakeServer()
    await send(someFile(100), server, { resume: true })
    expect(server.requests).toEqual(['GET', 'POST 0'])
  })

  it('refuses a session of a file of another length', async () => {
    const server = new FakeServer()
    server.received.set('s', { length: 5, bytes: new Uint8Array(5), next: 3 })
    await expect(send(someFile(100), server, { resume: true })).rejects.toThrow(OtherFileError)
  })

  // A piece whose answer was lost is there: the server is asked before anything is sent twice.
  it('asks where to go on after a lost answer', async () => {
    const [file, server] = [someFile(2 * mebi), new FakeServer(['cut after'])]

    await send(file, server)

    expect(server.requests).toEqual(['POST 0', 'GET', `POST ${mebi}`, expect.any(String)])
    expect(await arrived(server, file)).toBe(true)
  })

  it('waits longer each time while the connection is lost, and says so', async () => {
    const server = new FakeServer(['cut', 'cut', 503, 'cut'])
    const seen: UploadProgress[] = []

    await send(someFile(100), server, { onProgress: (now) => seen.push({ ...now }) })

    expect(server.sleeps).toEqual([500, 1000, 2000, 4000])
    expect(seen.map((now) => now.retryIn).filter((wait) => wait)).toEqual(server.sleeps)
    expect(seen.at(-1)).toMatchObject({ sent: 100, total: 100 })
  })

  it('does not repeat what the server refuses', async () => {
    const server = new FakeServer([413])
    await expect(send(someFile(100), server)).rejects.toThrow(ApiError)
    expect(server.requests).toHaveLength(1)
  })

  it('gives up when the server fails again and again', async () => {
    const server = new FakeServer(Array(20).fill(500))
    await expect(send(someFile(100), server)).rejects.toThrow(ApiError)
    expect(server.requests.length).toBeLessThan(10)
  })

  it('sends nothing more once it is cancelled', async () => {
    const server = new FakeServer()
    const controller = new AbortController()
    const sent = send(someFile(20 * mebi), server, {
      signal: controller.signal,
      onProgress: ({ sent }) => sent > 0 && controller.abort(),
    })
    await expect(sent).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
    const count = server.requests.length
    await Promise.resolve()
    expect(server.requests).toHaveLength(count)
  })

  it('stops waiting for the connection once it is cancelled', async () => {
    const server = new FakeServer(Array(50).fill('cut'))
    const controller = new AbortController()
    const sent = send(someFile(100), server, {
      signal: controller.signal,
      onProgress: ({ retryIn }) => retryIn && controller.abort(),
    })
    await expect(sent).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
    expect(server.requests).toHaveLength(1)
  })
})

it('waits at most 15 s between two tries', () => {
  expect([1, 2, 3, 6, 50].map(waitBefore)).toEqual([500, 1000, 2000, 15000, 15000])
})

it('fits the pieces to the link', () => {
  expect(nextPiece(mebi, 100)).toBe(2 * mebi) // quick: larger, but no jump
  expect(nextPiece(mebi, 4000)).toBe(mebi * 0.75)
  expect(nextPiece(mebi, 60_000)).toBe(mebi / 2)
  expect(nextPiece(8 * mebi, 10)).toBe(8 * mebi)
  expect(nextPiece(256 << 10, 60_000)).toBe(256 << 10)
})

describe('SpeedMeter', () => {
  it('knows nothing before two samples', () => {
    const meter = new SpeedMeter()
    expect(meter.bytesPerSecond).toBeUndefined()
    meter.add(0, 0)
    expect(meter.bytesPerSecond).toBeUndefined()
  })

  it('follows a link that gets faster', () => {
    const meter = new SpeedMeter(2000)
    for (let second = 0; second <= 10; second += 1) meter.add(second * 1000, second * 100)
    expect(meter.bytesPerSecond).toBe(100)
    for (let second = 11; second <= 15; second += 1) {
      meter.add(second * 1000, 1000 + (second - 10) * 500)
    }
    expect(meter.bytesPerSecond).toBe(500)
  })

  it('forgets what was before a cut', () => {
    const meter = new SpeedMeter()
    meter.add(0, 0)
    meter.add(1000, 100)
    meter.clear()
    meter.add(60_000, 100)
    expect(meter.bytesPerSecond).toBeUndefined()
  })
})
