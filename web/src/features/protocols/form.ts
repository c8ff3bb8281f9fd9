/** The form of an uploaded protocol package. */
import type { Schemas } from '@/api/client'

export interface ProtocolForm {
  id: string
  name: string
  description: string
  /** Name of the package's file. */
  location: string
  /** The class at which a JetLinks server would start. */
  provider: string
  supportFirmware: boolean
}

export const emptyForm = (): ProtocolForm => ({
  id: '',
  name: '',
  description: '',
  location: '',
  provider: '',
  supportFirmware: true,
})

export function formOf(row: Schemas['Protocol']): ProtocolForm {
  const configuration = row.configuration ?? {}
  return {
    id: row.id,
    name: row.name,
    description: row.description ?? '',
    location: configuration.location ?? '',
    provider: configuration.provider ?? '',
    supportFirmware: configuration.supportFirmware === 'true',
  }
}

/** `known`: the configuration as it is stored; keys that the form does not show stay. */
export function configurationOf(form: ProtocolForm, known: Record<string, string> = {}) {
  return {
    ...known,
    location: form.location.trim(),
    provider: form.provider.trim(),
    supportFirmware: String(form.supportFirmware),
  }
}

/** `jetlinks-official-protocol-3.0.jar` → `jetlinks-official-protocol-3.0`. */
export const nameOfJar = (file: string) => file.replace(/\.(jar|zip)$/i, '')
