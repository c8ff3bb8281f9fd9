import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/',
    name: 'overview',
    component: () => import('./OverviewPage.vue'),
    meta: { title: 'nav.overview' },
  },
] satisfies RouteRecordRaw[]
