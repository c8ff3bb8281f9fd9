import type { RouteRecordRaw } from 'vue-router'

const menu = 'device/Firmware'

export default [
  {
    path: '/firmware',
    name: 'firmware',
    component: () => import('./FirmwareList.vue'),
    meta: { title: 'nav.firmware', menu, nav: 'firmware' },
  },
  {
    path: '/firmware/new',
    name: 'firmware-new',
    component: () => import('./FirmwareFormPage.vue'),
    meta: { title: 'firmware.addTitle', menu, nav: 'firmware' },
  },
  {
    path: '/firmware/:id',
    name: 'firmware-page',
    component: () => import('./FirmwarePage.vue'),
    props: true,
    meta: { title: 'nav.firmware', menu, nav: 'firmware' },
  },
  {
    path: '/firmware/:id/edit',
    name: 'firmware-edit',
    component: () => import('./FirmwareFormPage.vue'),
    props: true,
    meta: { title: 'firmware.editTitle', menu, nav: 'firmware' },
  },
] satisfies RouteRecordRaw[]
