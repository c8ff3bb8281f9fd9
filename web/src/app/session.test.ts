import { createPinia, setActivePinia } from 'pinia'
import { expect, test, vi } from 'vitest'
import { queryClient } from './queries'
import { useSession } from './session'

const results: Record<string, unknown> = {
  '/authorize/login/configs': { encrypt: { enabled: false } },
  '/authorize/login': { token: 'of the second' },
  '/authorize/me': { user: { id: '2', username: 'second' }, permissions: [] },
  '/menu/user-own/tree': [],
}
vi.mock('@/api/client', async (original) => {
  const answer = async (path: string) => ({
    data: { result: results[path] },
    response: { ok: true },
  })
  const client = await original<typeof import('@/api/client')>()
  return { ...client, api: { GET: answer, POST: answer } }
})

// The page is not loaded anew between two sign-ins: the second user would see the rows of the first.
test('a sign-in forgets what has been read before', async () => {
  setActivePinia(createPinia())
  queryClient.setQueryData(['overview'], { devices: { total: 7 } })

  await useSession().signIn('second', 'a password')

  expect(queryClient.getQueryData(['overview'])).toBeUndefined()
})
