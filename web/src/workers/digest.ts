/** Worker: gets a File, answers its head, its progress and its digests as `DigestMessage`s. */
import { hash, type Digests } from './hashing'

export type DigestMessage =
  { head: string } | { hashed: number } | { digests: Digests } | { problem: string }

self.onmessage = async ({ data }: MessageEvent<File>) => {
  const tell = (message: DigestMessage) => self.postMessage(message)
  try {
    const digests = await hash(data, {
      onHead: (head) => tell({ head }),
      onProgress: (hashed) => tell({ hashed }),
    })
    tell({ digests })
  } catch (error) {
    tell({ problem: error instanceof Error ? error.message : String(error) })
  }
}
