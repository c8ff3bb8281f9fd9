import type { RouteRecordRaw } from 'vue-router'

const meta = { menu: 'link/Protocol', nav: 'protocols', title: 'nav.protocols' }

export default [
  { path: '/protocols', name: 'protocols', component: () => import('./ProtocolList.vue'), meta },
  {
    path: '/protocols/:id',
    name: 'protocol',
    component: () => import('./ProtocolPage.vue'),
    props: true,
    meta,
  },
] satisfies RouteRecordRaw[]
