import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/users',
    name: 'users',
    component: () => import('./UserList.vue'),
    meta: { title: 'nav.users', menu: 'system/User', nav: 'users' },
  },
] satisfies RouteRecordRaw[]
