import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/audit',
    name: 'audit',
    component: () => import('./AuditList.vue'),
    meta: { title: 'nav.audit', menu: 'system/Audit' },
  },
] satisfies RouteRecordRaw[]
