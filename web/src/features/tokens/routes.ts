import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/tokens',
    name: 'tokens',
    component: () => import('./TokenList.vue'),
    meta: { title: 'nav.tokens' },
  },
] satisfies RouteRecordRaw[]
