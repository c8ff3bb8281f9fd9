/** Who is signed in and what they may do. */
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, call, credentials, type Schemas } from '@/api/client'
import { queryClient } from './queries'

const storageKey = 'updraft.token'
/** How long a sign-in lives without use, in ms: an hour, as JetLinks' console asks for, or 30 days. */
const hour = 3_600_000
const month = 30 * 24 * hour

type MenuNode = Schemas['MenuNode']

export const useSession = defineStore('session', () => {
  const token = ref<string | null>(localStorage.getItem(storageKey))
  const user = ref<Schemas['Me']['user'] | null>(null)
  const permissions = ref(new Map<string, Set<string>>())
  const buttons = ref(new Map<string, Set<string>>())
  credentials.token = token.value
  credentials.onSignedOut = forget

  const signedIn = computed(() => token.value !== null)

  function remember(value: string) {
    queryClient.clear() // what another user has read is not for this one
    token.value = value
    credentials.token = value
    localStorage.setItem(storageKey, value)
  }

  function forget() {
    token.value = null
    credentials.token = null
    user.value = null
    localStorage.removeItem(storageKey)
  }

  /** Throws ApiError when the name or the password is wrong. */
  async function signIn(username: string, password: string, stay = false) {
    const body = { username, ...(await sealed(password)), expires: stay ? month : hour }
    remember((await call(api.POST('/authorize/login', { body }))).token)
    await load()
  }

  /** Ends the sign-in on the server, too. */
  async function signOut() {
    try {
      await call(api.GET('/user-token/reset'))
    } finally {
      forget()
    }
  }

  /** Reads user and permissions once after a reload. */
  async function load() {
    const [me, menus] = await Promise.all([
      call(api.GET('/authorize/me')),
      call(api.POST('/menu/user-own/tree', { body: {} })),
    ])
    permissions.value = new Map(me.permissions.map((each) => [each.id, new Set(each.actions)]))
    buttons.value = buttonsOf(menus)
    user.value = me.user
  }

  /** May the user do `action` (query, save, delete, deploy) with the resource (`firmware-manager`, spec 2.13)? */
  function can(resource: string, action: string): boolean {
    return permissions.value.get(resource)?.has(action) ?? false
  }

  /** Was the button (`view`, `add`, `update`, `delete`, `action`) of the menu (`device/Firmware`) granted? Row 6. */
  function may(menu: string, button: string): boolean {
    return buttons.value.get(menu)?.has(button) ?? false
  }

  return { token, user, permissions, signedIn, signIn, signOut, load, forget, can, may }
})

/** The password as the server wants it: encrypted with its key if it asks for that (spec 2.2). */
async function sealed(password: string): Promise<{ password: string; encryptId?: string }> {
  const { encrypt } = await call(api.GET('/authorize/login/configs'))
  if (!encrypt.enabled) return { password }
  const { JSEncrypt } = await import('jsencrypt')
  const cipher = new JSEncrypt()
  cipher.setPublicKey(encrypt.publicKey ?? '')
  const encrypted = cipher.encrypt(password)
  if (encrypted === false) throw new Error('RSA')
  return { password: encrypted, encryptId: encrypt.id }
}

function buttonsOf(nodes: MenuNode[], into = new Map<string, Set<string>>()) {
  for (const node of nodes) {
    into.set(node.code, new Set((node.buttons ?? []).map((button) => button.id)))
    buttonsOf(node.children ?? [], into)
  }
  return into
}
