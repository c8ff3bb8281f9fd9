/** Both digests of a file, read in pieces: memory stays flat whatever the file's size. */
import { createMD5, createSHA256 } from 'hash-wasm'

export interface Digests {
  /** Lower-case hex. */
  md5: string
  sha256: string
}

export interface HashingCallbacks {
  /** SHA-256 of the first MiB, or of the whole file if it is shorter: tells files apart quickly. */
  onHead?: (sha256: string) => void
  /** Bytes that have been hashed. */
  onProgress?: (hashed: number) => void
}

const pieceBytes = 4 << 20
const headBytes = 1 << 20

/** SHA-256 of the first MiB of the file. */
export async function headOf(file: Blob): Promise<string> {
  const hasher = await createSHA256()
  hasher.update(new Uint8Array(await file.slice(0, headBytes).arrayBuffer()))
  return hasher.digest('hex')
}

/** Throws what reading the file throws, such as when it has been changed or removed meanwhile. */
export async function hash(file: Blob, callbacks: HashingCallbacks = {}): Promise<Digests> {
  callbacks.onHead?.(await headOf(file))
  const [md5, sha256] = await Promise.all([createMD5(), createSHA256()])
  for (let offset = 0; offset < file.size; offset += pieceBytes) {
    const piece = new Uint8Array(await file.slice(offset, offset + pieceBytes).arrayBuffer())
    md5.update(piece)
    sha256.update(piece)
    callbacks.onProgress?.(Math.min(file.size, offset + pieceBytes))
  }
  return { md5: md5.digest('hex'), sha256: sha256.digest('hex') }
}
