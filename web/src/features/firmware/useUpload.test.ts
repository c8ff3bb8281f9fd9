import { beforeEach, describe, expect, it, vi } from 'vitest'
import { mount } from '@vue/test-utils'
import { i18n } from '@/app/i18n'
import type { Digests } from './digest'
import type { PendingUpload } from './draft'
import type { FileInfo, UploadOptions } from './upload'
import { useUpload, type Upload } from './useUpload'

/** What the worker and the server do, decided by each test. */
const worker = { head: 'head', digests: { md5: 'm', sha256: 's' } as Digests }
const server = {
  /** Ends the upload. */
  finish: undefined as unknown as (info: Partial<FileInfo>) => void,
  fail: undefined as unknown as (error: unknown) => void,
  options: undefined as UploadOptions | undefined,
}
vi.mock('./digest', () => ({
  digestOf: async (
    _file: File,
    _signal: AbortSignal,
    callbacks: { onHead: (head: string) => void },
  ) => {
    callbacks.onHead(worker.head)
    return worker.digests
  },
}))
vi.mock('./upload', async (original) => ({
  ...(await original<typeof import('./upload')>()),
  uploadInPieces: (_file: File, options: UploadOptions) => {
    server.options = options
    return new Promise((resolve, reject) => {
      server.finish = (info) => resolve({ length: 3, accessUrl: '/file/x', sha256: 's', ...info })
      server.fail = reject
      options.signal.addEventListener('abort', () => reject(options.signal.reason))
    })
  },
}))

const file = (name = 'a.bin', text = 'abc', lastModified = 5) =>
  new File([text], name, { lastModified })
const pending = (changes: Partial<PendingUpload> = {}): PendingUpload => ({
  sessionId: 'before',
  name: 'a.bin',
  size: 3,
  lastModified: 5,
  head: 'head',
  sent: 1,
  ...changes,
})
const settled = () => new Promise((resolve) => setTimeout(resolve))

let upload: Upload
const onDigests = vi.fn()
const onDone = vi.fn()
const Holder = {
  setup() {
    upload = useUpload({ onDigests, onDone })
    return () => null
  },
}
beforeEach(() => {
  vi.clearAllMocks()
  server.options = undefined
  mount(Holder, { global: { plugins: [i18n] } })
})

describe('useUpload', () => {
  it('sends a chosen file and hands on its digests and its address', async () => {
    void upload.choose(file())
    await settled()
    expect(upload.phase.value).toBe('sending')
    expect(onDigests).toHaveBeenCalledWith(worker.digests)
    expect(server.options).toMatchObject({ resume: false })

    server.finish({})
    await settled()
    expect(upload.phase.value).toBe('done')
    expect(onDone.mock.calls[0]![0]).toMatchObject({ name: 'a.bin', url: '/file/x', length: 3 })
  })

  // Bytes that changed on their way must never become a firmware.
  it('fails when the server has other bytes than the worker read', async () => {
    void upload.choose(file())
    await settled()
    server.finish({ sha256: 'other' })
    await settled()
    expect(upload.phase.value).toBe('failed')
    expect(onDone).not.toHaveBeenCalled()
  })

  it('refuses an empty file', async () => {
    await upload.choose(file('empty', ''))
    expect(upload.phase.value).toBe('failed')
    expect(upload.problem.value).toContain('empty')
  })

  it('goes on with the same session when the same file is chosen after a reload', async () => {
    upload.restore({ upload: pending() })
    expect(upload.phase.value).toBe('interrupted')
    void upload.choose(file())
    await settled()
    expect(server.options).toMatchObject({ sessionId: 'before', resume: true })
  })

  it.each([
    ['another size', file('a.bin', 'abcd')],
    ['another time', file('a.bin', 'abc', 6)],
  ])('refuses a file of %s, and sends it only when asked to', async (_what, other) => {
    upload.restore({ upload: pending() })
    await upload.choose(other)
    expect(upload.other.value).toBe(other)
    expect(server.options).toBeUndefined()

    void upload.startAnew()
    await settled()
    expect(server.options!.sessionId).not.toBe('before')
    expect(server.options).toMatchObject({ resume: false })
  })

  it('refuses a file that begins otherwise', async () => {
    upload.restore({ upload: pending({ head: 'of another file' }) })
    await upload.choose(file())
    expect(upload.phase.value).toBe('interrupted')
    expect(upload.other.value?.name).toBe('a.bin')
    expect(server.options).toBeUndefined()
  })

  it('says nothing of a cancelled upload', async () => {
    void upload.choose(file())
    await settled()
    upload.cancel()
    await settled()
    expect(server.options!.signal.aborted).toBe(true)
    expect(upload.phase.value).toBe('idle')
    expect(upload.problem.value).toBe('')
    expect(upload.pending.value).toBeUndefined()
  })

  it('tries again from where the server stands', async () => {
    void upload.choose(file())
    await settled()
    const { sessionId } = server.options!
    server.fail(new Error('no'))
    await settled()
    expect(upload.phase.value).toBe('failed')

    void upload.retry()
    await settled()
    expect(server.options).toMatchObject({ sessionId, resume: true })
  })
})
