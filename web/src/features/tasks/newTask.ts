/** The form of a new task (rows 33 to 41): what it holds, and what of it is sent. */
import dayjs from 'dayjs'
import type { Schemas } from '@/api/client'
import type { Term } from '@/api/query'

export type TaskBody = Schemas['TaskCreate']

export type Deployment = Schemas['DeploymentName']
export const deployments: Deployment[] = ['forced', 'soft', 'downloadOnly']

/** How the devices of `part` are chosen. */
export type Choice = 'pick' | 'match' | 'list'

export interface TaskForm {
  name: string
  firmwareId?: string
  mode: 'push' | 'pull'
  responseTimeoutSeconds: number | null
  timeoutSeconds: number | null
  releaseType: 'all' | 'part'
  choice: Choice
  description: string
  force: boolean
  deployment: Deployment
  confirmationRequired: boolean
  rate: number | null
  maxConcurrent: number | null
}

/** The devices that were chosen, in each of the ways. */
export interface ChosenDevices {
  picked: string[]
  /** The search; what every device of the product fulfils is not among it. */
  terms: Term[]
  listed: string[]
}

export const nameLength = 64
export const descriptionLength = 200
export const secondsMax = 99_999
/** From this many devices the number has to be typed back. */
export const bigTask = 10_000

export const emptyForm = (): TaskForm => ({
  name: '',
  mode: 'push',
  responseTimeoutSeconds: 30,
  timeoutSeconds: 600,
  releaseType: 'all',
  choice: 'pick',
  description: '',
  force: false,
  deployment: 'forced',
  confirmationRequired: false,
  rate: null,
  maxConcurrent: null,
})

/** Name and version; many names say the version already. */
export function titleOf(firmware: { name: string; version: string }): string {
  const { name, version } = firmware
  return name.endsWith(version) ? name : `${name} ${version}`
}

/** A name that tells tasks of the same firmware apart; cut before the time, never in it. */
export function proposedName(firmware: { name: string; version: string }, now: Date): string {
  const end = ` ${dayjs(now).format('YYYY-MM-DD HH:mm')}`
  const begin = titleOf(firmware)
  return [...begin].slice(0, nameLength - end.length).join('') + end
}

type Devices = Pick<TaskBody, 'releaseType' | 'deviceId' | 'terms'>

/** The members that say which devices; null while none are chosen. */
export function devicesOf(form: TaskForm, chosen: ChosenDevices): Devices | null {
  if (form.releaseType === 'all') return { releaseType: 'all' }
  if (form.choice === 'match') return { releaseType: 'part', terms: chosen.terms }
  const deviceId = form.choice === 'pick' ? chosen.picked : chosen.listed
  return deviceId.length ? { releaseType: 'part', deviceId } : null
}

/** What is sent to make the task. Members that mean nothing to the mode are left out. */
export function bodyOf(form: TaskForm, productId: string, devices: Devices): TaskBody {
  const push = form.mode === 'push'
  return {
    name: form.name.trim(),
    firmwareId: form.firmwareId ?? '',
    productId,
    mode: form.mode,
    ...(push ? { responseTimeoutSeconds: form.responseTimeoutSeconds ?? 0 } : {}),
    timeoutSeconds: form.timeoutSeconds ?? 0,
    description: form.description.trim(),
    ...(form.force ? { force: true } : {}),
    ...(form.deployment === 'forced' ? {} : { deployment: form.deployment }),
    ...(form.confirmationRequired ? { confirmationRequired: true } : {}),
    ...(push && form.rate ? { rate: form.rate } : {}),
    ...(form.maxConcurrent ? { maxConcurrent: form.maxConcurrent } : {}),
    ...devices,
  }
}

/** What is sent to ask what the task would meet: the devices count, the rest of the form may be unfinished. */
export function previewBodyOf(firmwareId: string, devices: Devices): Schemas['TaskWrite'] {
  return { firmwareId, mode: 'pull', timeoutSeconds: 1, ...devices }
}

/** Has the number been typed back? Blanks and the signs between thousands do not count. */
export function typedBack(text: string, total: number): boolean {
  return text.replace(/[\s,，.'_]/g, '') === String(total)
}
