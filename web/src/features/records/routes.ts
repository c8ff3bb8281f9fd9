import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/records',
    name: 'records',
    component: () => import('./RecordList.vue'),
    meta: { title: 'records.title', menu: 'device/Firmware', nav: 'tasks' },
  },
] satisfies RouteRecordRaw[]
