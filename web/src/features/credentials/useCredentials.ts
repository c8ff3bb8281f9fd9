/** The credentials of a device or a product, and what operators do with them. */
import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, call, type Schemas } from '@/api/client'
import { useSession } from '@/app/session'
import type { Credential, CredentialCreated, Owner } from './model'

/** The same acts at the addresses of devices and at those of products. */
function requestsOf({ kind, id }: Owner) {
  const path = { id }
  const one = (credentialId: string) => ({ path: { id, credentialId } })
  return kind === 'device'
    ? {
        list: (signal: AbortSignal) =>
          call(api.GET('/device-instance/{id}/credentials', { params: { path }, signal })),
        create: (body: Schemas['CredentialWrite']) =>
          call(api.POST('/device-instance/{id}/credentials', { params: { path }, body })),
        rotate: (credentialId: string, body: Schemas['CredentialRotation']) =>
          call(
            api.POST('/device-instance/{id}/credentials/{credentialId}/_rotate', {
              params: one(credentialId),
              body,
            }),
          ),
        revoke: (credentialId: string) =>
          call(
            api.DELETE('/device-instance/{id}/credentials/{credentialId}', {
              params: one(credentialId),
            }),
          ),
      }
    : {
        list: (signal: AbortSignal) =>
          call(api.GET('/device-product/{id}/credentials', { params: { path }, signal })),
        create: (body: Schemas['CredentialWrite']) =>
          call(api.POST('/device-product/{id}/credentials', { params: { path }, body })),
        rotate: (credentialId: string, body: Schemas['CredentialRotation']) =>
          call(
            api.POST('/device-product/{id}/credentials/{credentialId}/_rotate', {
              params: one(credentialId),
              body,
            }),
          ),
        revoke: (credentialId: string) =>
          call(
            api.DELETE('/device-product/{id}/credentials/{credentialId}', {
              params: one(credentialId),
            }),
          ),
      }
}

export function useCredentials(owner: () => Owner) {
  const client = useQueryClient()
  const session = useSession()
  const resource = () => (owner().kind === 'device' ? 'device-instance' : 'device-product')
  const query = useQuery({
    queryKey: computed(() => ['credential', owner().kind, owner().id]),
    queryFn: ({ signal }): Promise<Credential[]> => requestsOf(owner()).list(signal),
  })
  const reload = () => client.invalidateQueries({ queryKey: ['credential'] })

  /** Answers the credential with its secret. Throws ApiError. */
  async function create(body: Schemas['CredentialWrite']): Promise<CredentialCreated> {
    const made = await requestsOf(owner()).create(body)
    await reload()
    return made
  }
  /** As create(). */
  async function rotate(id: string, keepOldSeconds: number): Promise<CredentialCreated> {
    const made = await requestsOf(owner()).rotate(id, { keepOldSeconds })
    await reload()
    return made
  }
  async function revoke(id: string) {
    await requestsOf(owner()).revoke(id)
    await reload()
  }
  const maySave = computed(() => session.can(resource(), 'save'))

  return { query, create, rotate, revoke, maySave }
}
