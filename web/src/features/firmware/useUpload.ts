/** The upload of a form as its controls show it: file, progress, digests, and what to do next. */
import { computed, onScopeDispose, reactive, ref, shallowRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { ApiError } from '@/api/client'
import { digestOf, type Digests } from './digest'
import { randomHex, type PendingUpload, type UploadedFile } from './draft'
import { OtherFileError, uploadInPieces, type UploadProgress } from './upload'

/**
 * idle: nothing chosen; sending; done; failed: it stopped, `problem` says why; interrupted: a reload cut it, and the same
 * file has to be chosen again.
 */
export type UploadPhase = 'idle' | 'sending' | 'done' | 'failed' | 'interrupted'

export interface UploadEvents {
  onDigests: (digests: Digests) => void
  onDone: (uploaded: UploadedFile) => void
}

export type Upload = ReturnType<typeof useUpload>

export function useUpload(events: UploadEvents) {
  const { t } = useI18n()
  const phase = ref<UploadPhase>('idle')
  const progress = reactive<UploadProgress>({ sent: 0, total: 0 })
  /** Share of the file that is hashed, 0..100. */
  const hashedPercent = ref(0)
  const digests = ref<Digests>()
  const problem = ref('')
  const pending = ref<PendingUpload>()
  const uploaded = ref<UploadedFile>()
  /** A file that is not the one whose upload was interrupted. */
  const other = shallowRef<File>()
  let file: File | undefined
  let running: AbortController | undefined
  onScopeDispose(() => running?.abort())

  const name = computed(() => pending.value?.name ?? uploaded.value?.name ?? '')
  const percent = computed(() =>
    progress.total ? Math.floor((progress.sent / progress.total) * 1000) / 10 : 0,
  )

  /** A file was chosen: begins its upload, or goes on with the interrupted one if it is the same file. */
  async function choose(chosen: File) {
    other.value = undefined
    problem.value = ''
    if (chosen.size === 0) return fail(t('firmware.emptyFile', { name: chosen.name }))
    const before = phase.value === 'interrupted' ? pending.value : undefined
    if (before && (before.size !== chosen.size || before.lastModified !== chosen.lastModified)) {
      other.value = chosen
      return
    }
    await begin(chosen, before)
  }

  /** Gives up the interrupted upload and begins with the other file. */
  async function startAnew() {
    const chosen = other.value
    other.value = undefined
    if (chosen) await begin(chosen)
  }

  /** Tries again after a failure, from where the server stands. */
  async function retry() {
    if (file && pending.value) await begin(file, pending.value)
  }

  function cancel() {
    running?.abort()
    running = undefined
    file = undefined
    phase.value = 'idle'
    pending.value = undefined
    digests.value = undefined
    other.value = undefined
    problem.value = ''
  }

  /** Takes over what a draft kept. */
  function restore(kept: { upload?: PendingUpload; uploaded?: UploadedFile }) {
    if (kept.upload) {
      pending.value = kept.upload
      Object.assign(progress, { sent: kept.upload.sent, total: kept.upload.size })
      phase.value = 'interrupted'
    } else if (kept.uploaded) {
      uploaded.value = kept.uploaded
      digests.value = kept.uploaded.digests
      phase.value = 'done'
    }
  }

  async function begin(chosen: File, before?: PendingUpload) {
    running?.abort()
    const own = (running = new AbortController())
    file = chosen
    digests.value = undefined
    uploaded.value = undefined
    problem.value = ''
    hashedPercent.value = 0
    const { name, size, lastModified } = chosen
    const fresh = { sessionId: randomHex(), name, size, lastModified, sent: 0 }
    pending.value = before ? { ...before } : fresh
    Object.assign(progress, idleProgress, { sent: pending.value.sent, total: size })
    phase.value = 'sending'
    try {
      await run(chosen, !!before, own)
    } catch (error) {
      if (running !== own) return // cancelled, or another file took its place
      running = undefined
      own.abort()
      if (error instanceof OtherFile) {
        phase.value = 'interrupted'
        other.value = chosen
      } else fail(reasonOf(error, name))
    }
  }

  async function run(chosen: File, resume: boolean, own: AbortController) {
    const known = pending.value!.head
    let headKnown: (head: string) => void = () => {}
    const head = new Promise<string>((resolve) => (headKnown = resolve))
    const hashing = digestOf(chosen, own.signal, {
      onHead: (value) => {
        headKnown(value)
        if (running === own && pending.value && !known) pending.value.head = value
      },
      onProgress: (hashed) => (hashedPercent.value = (hashed / chosen.size) * 100),
    })
    hashing.then((found) => {
      if (running !== own) return
      digests.value = found
      events.onDigests(found)
    }, ignore)
    // The beginning of the file tells whether it is the one of which the server has a part.
    if (resume && known && known !== (await Promise.race([head, hashing.then(never)]))) {
      throw new OtherFile()
    }
    const sending = uploadInPieces(chosen, {
      sessionId: pending.value!.sessionId,
      resume,
      signal: own.signal,
      onProgress: (now) => {
        if (running !== own || !pending.value) return
        Object.assign(progress, idleProgress, now)
        pending.value.sent = now.sent
      },
    })
    const [stored, local] = await Promise.all([sending, hashing])
    if (running !== own) return
    if (stored.sha256 !== local.sha256) {
      pending.value = undefined // what the server has is of no use
      throw new Error(t('firmware.damaged'))
    }
    const { id, length, accessUrl: url } = stored
    finish({ id, name: chosen.name, length, url, digests: local })
  }

  function finish(result: UploadedFile) {
    running = undefined
    pending.value = undefined
    uploaded.value = result
    phase.value = 'done'
    events.onDone(result)
  }

  function fail(reason: string) {
    problem.value = reason
    phase.value = 'failed'
  }

  function reasonOf(error: unknown, name: string): string {
    if (error instanceof ApiError) return error.message
    if (error instanceof OtherFileError) return t('firmware.otherFile', { name })
    if (error instanceof DOMException) return t('firmware.unreadable', { name })
    return error instanceof Error ? error.message : String(error)
  }

  return {
    phase,
    progress,
    percent,
    hashedPercent,
    digests,
    problem,
    pending,
    uploaded,
    other,
    name,
    choose,
    startAnew,
    retry,
    cancel,
    restore,
  }
}

/** The chosen file is not the one whose upload began. */
class OtherFile extends Error {}

const idleProgress = { speed: undefined, secondsLeft: undefined, retryIn: undefined }
const ignore = () => {}
/** For a race that the head of the file always wins unless hashing fails. */
const never = () => new Promise<never>(ignore)
