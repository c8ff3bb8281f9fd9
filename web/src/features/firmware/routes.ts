import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/firmware',
    name: 'firmware',
    component: () => import('./FirmwareList.vue'),
    meta: { title: 'nav.firmware', menu: 'device/Firmware', nav: 'firmware' },
  },
] satisfies RouteRecordRaw[]
