/** The firmware form without its looks: rules, upload, draft, leaving and sending. */
import { useQueryClient } from '@tanstack/vue-query'
import { computed, onMounted, onUnmounted, reactive, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { onBeforeRouteLeave, useRouter } from 'vue-router'
import { api, ApiError, call, type FieldError } from '@/api/client'
import { useSession } from '@/app/session'
import { useFeedback } from '@/ui'
import { DraftStore } from './draft'
import { takeCarriedFile } from './fileDrop'
import {
  emptyForm,
  formOf,
  guessFrom,
  payloadOf,
  problemsOf,
  type Firmware,
  type FirmwareForm,
  type SignMethod,
} from './form'
import { useActiveUpgrades, useUpgradableProducts } from './queries'
import { useUpload } from './useUpload'

const savePause = 300

/** A duplicate names its columns only: the message belongs to the first. */
function fieldsOf(error: ApiError): FieldError[] {
  const [column] = error.code === 'duplicate_key' ? (error.result as string[]) : []
  return column ? [{ property: column, message: error.message }] : error.fields
}

/** @param before The firmware that is edited; undefined for a new one. */
export function useFirmwareForm(before?: Firmware) {
  const { t } = useI18n()
  const router = useRouter()
  const client = useQueryClient()
  const session = useSession()
  const { done, failed, ask } = useFeedback()

  const initial = before ? formOf(before) : emptyForm()
  const form = reactive<FirmwareForm>(structuredClone(initial))
  const drafts = new DraftStore(session.user?.id ?? '', before?.id ?? 'new')

  const products = useUpgradableProducts()
  const active = useActiveUpgrades(() => before?.id)
  const frozen = computed(() => active.value > 0)

  // ---- signature and file
  let signOfFile = before?.sign ?? '' // filled in by us: another file replaces it
  let signBeforeFile = ''
  const upload = useUpload({
    onDigests(digests) {
      if (form.sign.trim() && form.sign !== signOfFile) return // typed: it is compared
      if (form.sign !== digests[form.signMethod]) signBeforeFile = form.sign
      form.sign = signOfFile = digests[form.signMethod]
    },
    onDone(uploaded) {
      form.url = uploaded.url
      form.size = String(uploaded.length)
    },
  })
  /** The address in the form is that of the file that was uploaded here. */
  const ownFile = computed(() => !!upload.uploaded.value && form.url === upload.uploaded.value.url)
  const uploading = computed(() => upload.phase.value === 'sending')
  const digests = computed(() =>
    uploading.value || ownFile.value ? upload.digests.value : undefined,
  )
  /** Row 11: the signature goes with the method. The file stays, and its digest of the new method is known. */
  function setMethod(method: SignMethod) {
    form.signMethod = method
    form.sign = signOfFile = digests.value?.[method] ?? ''
  }
  function chooseFile(file: File) {
    const guess = guessFrom(file.name)
    if (!before && !form.name) form.name = guess.name
    if (!before && !form.version) form.version = guess.version
    void upload.choose(file)
  }
  function cancelUpload() {
    if (upload.digests.value && form.sign === signOfFile) form.sign = signOfFile = signBeforeFile
    upload.cancel()
  }

  // ---- version order
  const proposedOrder = ref('')
  const takenOrder = ref('')
  const orderKey = () => `${form.productId}/${form.versionOrder.trim()}`
  /** Chooses the product, and proposes its next version order unless one was typed. */
  async function setProduct(productId: string) {
    form.productId = productId
    if (form.versionOrder && form.versionOrder !== proposedOrder.value) return
    try {
      const next = await call(
        api.GET('/firmware/{productId}/version-order/next', { params: { path: { productId } } }),
      )
      if (form.productId !== productId) return
      proposedOrder.value = form.versionOrder = String(next)
    } catch {
      // A proposal only: the field stays empty and is asked for.
    }
  }
  /** Row 10: on blur, and before sending. */
  async function checkOrder() {
    const key = orderKey()
    const own = before && key === `${before.productId}/${before.versionOrder}`
    if (own || !form.productId || problemsOf(form).versionOrder) return
    try {
      const taken = await call(
        api.GET('/firmware/{productId}/{versionOrder}/exists', {
          params: { path: { productId: form.productId, versionOrder: Number(form.versionOrder) } },
        }),
      )
      takenOrder.value = taken ? key : ''
    } catch {
      // The server checks again when the form is sent.
    }
  }

  // ---- rules
  const touched = reactive(new Set<string>())
  const submitted = ref(false)
  const refused = reactive(new Map<string, string>())
  const problems = computed(() => {
    const found = problemsOf(form, {
      products: products.data.value?.map((each) => each.value),
      digests: digests.value,
      uploading: uploading.value,
    })
    if (!found.versionOrder && takenOrder.value === orderKey()) {
      found.versionOrder = ['firmware.orderTaken']
    }
    return found
  })
  /** What to show at a member of the form; undefined while it is right or was not touched yet. */
  function error(member: string): string | undefined {
    const fromServer = refused.get(member)
    if (fromServer) return fromServer
    const problem = problems.value[member]
    const atOnce = member === 'sign' && !!digests.value && !!form.sign.trim()
    if (!problem || !(submitted.value || touched.has(member) || atOnce)) return undefined
    return t(problem[0], problem[1] ?? {})
  }
  for (const member of Object.keys(form) as (keyof FirmwareForm)[]) {
    watch(
      () => form[member],
      () => {
        for (const key of refused.keys()) if (key.split('.')[0] === member) refused.delete(key)
      },
      { deep: true },
    )
  }

  // ---- draft
  const restored = ref(false)
  const changed = computed(
    () => JSON.stringify(form) !== JSON.stringify(initial) || !!upload.pending.value,
  )
  let sent = false
  let timer: ReturnType<typeof setTimeout> | undefined
  function keep() {
    clearTimeout(timer)
    if (sent) return
    if (!changed.value) return drafts.drop()
    drafts.save({
      form: { ...form },
      upload: upload.pending.value,
      uploaded: upload.uploaded.value,
      proposedOrder: proposedOrder.value,
      filledSign: signOfFile,
    })
  }
  function restore() {
    const draft = drafts.load()
    if (!draft) return
    proposedOrder.value = draft.proposedOrder ?? ''
    signOfFile = draft.filledSign ?? signOfFile
    Object.assign(form, draft.form)
    upload.restore(draft)
    restored.value = true
  }
  function discard() {
    upload.cancel()
    upload.uploaded.value = undefined
    drafts.drop()
    signOfFile = before?.sign ?? ''
    Object.assign(form, structuredClone(initial))
    submitted.value = restored.value = false
    touched.clear()
  }
  restore()
  watch(
    [form, upload.pending, upload.uploaded],
    () => {
      clearTimeout(timer)
      timer = setTimeout(keep, savePause)
    },
    { deep: true },
  )

  // ---- leaving
  const onPageHide = () => keep()
  function onUnload(event: BeforeUnloadEvent) {
    if (uploading.value || form.moreArtifacts.some((each) => each.sending)) event.preventDefault()
  }
  onMounted(() => {
    window.addEventListener('pagehide', onPageHide)
    window.addEventListener('beforeunload', onUnload)
    const file = takeCarriedFile()
    if (file) chooseFile(file)
  })
  onUnmounted(() => {
    clearTimeout(timer)
    window.removeEventListener('pagehide', onPageHide)
    window.removeEventListener('beforeunload', onUnload)
  })
  onBeforeRouteLeave(async () => {
    if (sent || !changed.value) return true
    if (!session.signedIn) return keep() ?? true // comes back after the sign-in
    if (!(await ask(t('form.leave')))) return false
    sent = true
    upload.cancel()
    drafts.drop()
    return true
  })

  // ---- sending
  const sending = ref(false)
  /** Answers whether there was nothing to correct. */
  async function submit(): Promise<boolean> {
    submitted.value = true
    sending.value = true
    try {
      await checkOrder()
      if (Object.keys(problems.value).length) return false
      const id = await send()
      sent = true
      drafts.drop()
      done()
      await client.invalidateQueries({ queryKey: ['firmware'] })
      await router.push(`/firmware/${id}`)
      return true
    } catch (error) {
      return take(error)
    } finally {
      sending.value = false
    }
  }
  async function send(): Promise<string> {
    if (!before) {
      const created = await call(api.POST('/firmware', { body: payloadOf(form) }))
      return created.id
    }
    await call(api.PATCH('/firmware', { body: payloadOf(form, before) }))
    return before.id
  }
  function take(error: unknown): boolean {
    const fields = error instanceof ApiError ? fieldsOf(error) : []
    for (const { property, message } of fields) {
      refused.set(property.replace(/\[(\d+)\]/g, '.$1'), message)
    }
    if (!fields.length) failed(error)
    return !fields.length
  }

  return {
    form,
    error,
    touched,
    products,
    active,
    frozen,
    upload,
    uploading,
    ownFile,
    digests,
    proposedOrder,
    restored,
    sending,
    setMethod,
    setProduct,
    chooseFile,
    cancelUpload,
    checkOrder,
    discard,
    submit,
  }
}
