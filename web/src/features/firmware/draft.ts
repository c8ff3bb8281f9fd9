/**
 * What a form holds that was not sent yet, and how far its upload is: kept in this browser, so that a reload, a crash
 * or an expired sign-in loses nothing.
 */
import type { Digests } from './digest'
import type { FirmwareForm } from './form'

/** An upload that has begun; enough to know the file again and to go on. */
export interface PendingUpload {
  sessionId: string
  name: string
  size: number
  lastModified: number
  /** SHA-256 of the first MiB, once it is known. */
  head?: string
  /** Bytes that the server had when this was written. */
  sent: number
}

/** A file that was uploaded by this form. */
export interface UploadedFile {
  id: string
  name: string
  length: number
  url: string
  digests: Digests
}

export interface Draft {
  form: FirmwareForm
  upload?: PendingUpload
  uploaded?: UploadedFile
  /** Version order that was proposed, not typed. */
  proposedOrder?: string
  /** Signature that was filled in from a file, not typed. */
  filledSign?: string
}

interface Stored extends Draft {
  tab: string
  savedAt: number
}

/** The server keeps the pieces of an unfinished upload for a day. */
const keptFor = 24 * 3_600_000
/** A draft that another tab wrote more recently belongs to that tab. */
const busyFor = 10_000

/** The draft of one form of one user. */
export class DraftStore {
  private readonly key: string

  /**
   * @param user Id of the signed-in user. @param form `new` or the id of the firmware.
   * @param tab Tells the tabs of the browser apart.
   */
  constructor(
    user: string,
    form: string,
    private readonly tab = tabId(),
    private readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> = localStorage,
    private readonly now: () => number = Date.now,
  ) {
    this.key = `updraft.firmware-draft.${user}.${form}`
  }

  /** undefined: there is none, it is too old, or another tab works with it right now. */
  load(): Draft | undefined {
    const stored = this.read()
    if (!stored) return undefined
    const age = this.now() - stored.savedAt
    if (age > keptFor || (stored.tab !== this.tab && age < busyFor)) return undefined
    return stored
  }

  /** Does nothing when the browser refuses to store. */
  save(draft: Draft) {
    if (this.isOthers()) return
    const stored: Stored = { ...draft, tab: this.tab, savedAt: this.now() }
    try {
      this.storage.setItem(this.key, JSON.stringify(stored))
    } catch {
      // Without storage a reload starts anew, and nothing else is lost.
    }
  }

  drop() {
    if (!this.isOthers()) this.storage.removeItem(this.key)
  }

  private isOthers(): boolean {
    const stored = this.read()
    return !!stored && stored.tab !== this.tab && this.now() - stored.savedAt < busyFor
  }

  private read(): Stored | undefined {
    try {
      const stored = JSON.parse(this.storage.getItem(this.key) ?? 'null') as Stored | null
      return stored?.form ? stored : undefined
    } catch {
      return undefined
    }
  }
}

function tabId(): string {
  const key = 'updraft.tab'
  const known = sessionStorage.getItem(key)
  if (known) return known
  const made = randomHex()
  sessionStorage.setItem(key, made)
  return made
}

/** 32 hex digits. crypto.randomUUID is missing on plain HTTP. */
export function randomHex(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
}
