/**
 * All addresses of the console. A feature brings its routes in `features/<name>/routes.ts`; their `meta.menu` names the
 * menu whose button `view` is needed, `meta.title` the message that titles the page.
 */
import {
  createRouter,
  createWebHistory,
  type RouteLocationNormalized,
  type RouteRecordRaw,
} from 'vue-router'
import { ApiError } from '@/api/client'
import { i18n } from './i18n'
import { useSession } from './session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Reachable without sign-in, and drawn without the shell. */
    open?: boolean
    /** Key of the page's title. */
    title?: string
    /** Code of the menu whose button `view` lets a user in. */
    menu?: string
    /** Another button of that menu that is needed instead of `view`: forms need `add` or `update`. */
    button?: string
    /** Route name of the menu entry that is highlighted. */
    nav?: string
  }
}

const features = import.meta.glob<{ default: RouteRecordRaw[] }>('../features/*/routes.ts', {
  eager: true,
})

export const router = createRouter({
  history: createWebHistory('/console/'),
  routes: [
    ...Object.values(features).flatMap((module) => module.default),
    {
      path: '/:rest(.*)*',
      name: 'not-found',
      component: () => import('./NotFound.vue'),
      meta: { title: 'app.notFound' },
    },
  ],
  scrollBehavior: (to, from, saved) =>
    saved ?? (to.path === from.path ? false : { top: 0, left: 0 }),
})

router.beforeEach(async (to) => {
  const session = useSession()
  if (to.meta.open) return true
  if (!session.signedIn) return signInFrom(to)
  if (!session.user) {
    try {
      await session.load()
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return signInFrom(to)
      // Unreachable: the page shows its own error and tries again.
    }
  }
  return true
})

router.afterEach((to) => {
  const title = to.meta.title ? i18n.global.t(to.meta.title) : ''
  document.title = title ? `${title} · Updraft` : 'Updraft'
})

/** The sign-in page, which leads back to where the user wanted to go. */
export function signInFrom(to: RouteLocationNormalized) {
  return { name: 'login', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
}
