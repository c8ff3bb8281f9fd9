import type { RouteRecordRaw } from 'vue-router'

const meta = { menu: 'device/Firmware', nav: 'tasks' }

export default [
  {
    path: '/tasks',
    name: 'tasks',
    component: () => import('./TasksPage.vue'),
    meta: { ...meta, title: 'nav.tasks' },
  },
  {
    path: '/tasks/new',
    name: 'task-new',
    component: () => import('./NewTaskPage.vue'),
    meta: { ...meta, title: 'tasks.add' },
  },
  {
    path: '/tasks/:id',
    name: 'task',
    component: () => import('./TaskDetailPage.vue'),
    props: ({ params }) => ({ id: params.id }),
    meta: { ...meta, title: 'tasks.one' },
    children: [
      {
        path: 'records/:recordId',
        name: 'task-record',
        component: () => import('./RecordDrawer.vue'),
        props: true,
        meta: { ...meta, title: 'tasks.record' },
      },
    ],
  },
] satisfies RouteRecordRaw[]
