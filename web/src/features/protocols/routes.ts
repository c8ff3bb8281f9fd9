import type { RouteRecordRaw } from 'vue-router'

const meta = { menu: 'link/Protocol', nav: 'protocols', title: 'nav.protocols' }

const script = () => import('./ScriptPage.vue')

export default [
  { path: '/protocols', name: 'protocols', component: () => import('./ProtocolList.vue'), meta },
  {
    path: '/protocols/new-script',
    name: 'protocol-script-new',
    component: script,
    meta: { ...meta, button: 'add' },
  },
  {
    path: '/protocols/:scriptId/script',
    name: 'protocol-script',
    component: script,
    props: (route) => ({ id: route.params.scriptId }),
    meta: { ...meta, button: 'update' },
  },
  {
    path: '/protocols/:id',
    name: 'protocol',
    component: () => import('./ProtocolPage.vue'),
    props: true,
    meta,
  },
] satisfies RouteRecordRaw[]
