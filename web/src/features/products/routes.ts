import type { RouteRecordRaw } from 'vue-router'

const meta = { menu: 'device/Product', nav: 'products', title: 'nav.products' }
const form = () => import('./ProductForm.vue')

export default [
  { path: '/products', name: 'products', component: () => import('./ProductList.vue'), meta },
  { path: '/products/new', name: 'product-new', component: form, meta: { ...meta, button: 'add' } },
  {
    path: '/products/:id',
    name: 'product',
    component: () => import('./ProductPage.vue'),
    props: true,
    meta,
  },
  {
    path: '/products/:id/edit',
    name: 'product-edit',
    component: form,
    props: true,
    meta: { ...meta, button: 'update' },
  },
] satisfies RouteRecordRaw[]
