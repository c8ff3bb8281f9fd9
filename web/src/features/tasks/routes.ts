import type { RouteRecordRaw } from 'vue-router'

const meta = { menu: 'device/Firmware', nav: 'tasks' }

export default [
  {
    path: '/tasks',
    name: 'tasks',
    component: () => import('./TasksPage.vue'),
    meta: { ...meta, title: 'nav.tasks' },
  },
] satisfies RouteRecordRaw[]
