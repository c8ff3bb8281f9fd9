import type { RouteRecordRaw } from 'vue-router'

const meta = { menu: 'device/Firmware', nav: 'tasks' }

export default [
  {
    path: '/tasks',
    name: 'tasks',
    component: () => import('./TasksPage.vue'),
    meta: { ...meta, title: 'nav.tasks' },
  },
  {
    path: '/tasks/:id',
    name: 'task',
    component: () => import('./TaskDetailPage.vue'),
    props: true,
    meta: { ...meta, title: 'tasks.one' },
  },
] satisfies RouteRecordRaw[]
