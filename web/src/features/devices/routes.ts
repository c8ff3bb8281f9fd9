import type { RouteRecordRaw } from 'vue-router'

const meta = { menu: 'device/Instance', nav: 'devices', title: 'nav.devices' }

export default [
  { path: '/devices', name: 'devices', component: () => import('./DeviceList.vue'), meta },
] satisfies RouteRecordRaw[]
