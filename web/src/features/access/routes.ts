import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/login',
    name: 'login',
    component: () => import('./LoginPage.vue'),
    meta: { open: true, title: 'access.signIn' },
  },
  {
    path: '/setup',
    name: 'setup',
    component: () => import('./SetupPage.vue'),
    meta: { open: true, title: 'access.setup' },
  },
  {
    path: '/account',
    name: 'account',
    component: () => import('./AccountPage.vue'),
    meta: { title: 'app.account' },
  },
] satisfies RouteRecordRaw[]
