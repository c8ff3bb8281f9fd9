import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/roles',
    name: 'roles',
    component: () => import('./RoleList.vue'),
    meta: { title: 'nav.roles', menu: 'system/Role', nav: 'roles' },
  },
] satisfies RouteRecordRaw[]
