import type { RouteRecordRaw } from 'vue-router'

const meta = { menu: 'device/Instance', nav: 'devices', title: 'nav.devices' }
const form = () => import('./DeviceForm.vue')

export default [
  { path: '/devices', name: 'devices', component: () => import('./DeviceList.vue'), meta },
  { path: '/devices/new', name: 'device-new', component: form, meta: { ...meta, button: 'add' } },
  {
    path: '/devices/import',
    name: 'device-import',
    component: () => import('./ImportPage.vue'),
    meta: { ...meta, title: 'devices.import', button: 'add' },
  },
  {
    path: '/devices/:id',
    name: 'device',
    component: () => import('./DevicePage.vue'),
    props: true,
    meta,
  },
  {
    path: '/devices/:id/edit',
    name: 'device-edit',
    component: form,
    props: true,
    meta: { ...meta, button: 'update' },
  },
] satisfies RouteRecordRaw[]
