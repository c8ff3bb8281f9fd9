/** What the command palette finds: pages by their names, and firmwares, tasks, devices and products by name or id. */
import type { RouteLocationRaw } from 'vue-router'
import { api, call } from '@/api/client'
import { contains, group, type QueryParam } from '@/api/query'

export interface Finding {
  key: string
  title: string
  /** What tells it from others of the same name. */
  detail?: string
  icon: string
  to: RouteLocationRaw
}

/** Rows of each kind that are shown. */
const each = 5

function named(text: string, ...columns: string[]): QueryParam {
  return {
    pageSize: each,
    terms: [group(columns.map((column) => contains(column, text, 'or')))],
    sorts: [{ name: 'createTime', order: 'desc' }],
  }
}

interface Source {
  resource: string
  find: (text: string, signal: AbortSignal) => Promise<Finding[]>
}

const sources: Source[] = [
  {
    resource: 'firmware-manager',
    find: async (text, signal) => {
      const body = named(text, 'name', 'version')
      const page = await call(api.POST('/firmware/_query', { body, signal }))
      return page.data.map((row) => ({
        key: `firmware-${row.id}`,
        title: row.name,
        detail: `${row.productName} ${row.version}`,
        icon: 'firmware',
        to: `/firmware/${row.id}`,
      }))
    },
  },
  {
    resource: 'firmware-upgrade-task-manager',
    find: async (text, signal) => {
      const body = named(text, 'name')
      const page = await call(api.POST('/firmware/upgrade/task/_query', { body, signal }))
      return page.data.map((row) => ({
        key: `task-${row.id}`,
        title: row.name,
        detail: row.productName,
        icon: 'tasks',
        to: `/tasks/${row.id}`,
      }))
    },
  },
  {
    resource: 'device-instance',
    find: async (text, signal) => {
      const body = named(text, 'id', 'name')
      const page = await call(api.POST('/device-instance/_query', { body, signal }))
      return page.data.map((row) => ({
        key: `device-${row.id}`,
        title: row.name || row.id,
        detail: row.id,
        icon: 'devices',
        to: `/devices/${encodeURIComponent(row.id)}`,
      }))
    },
  },
  {
    resource: 'device-product',
    find: async (text, signal) => {
      const body = named(text, 'id', 'name')
      const page = await call(api.POST('/device-product/_query', { body, signal }))
      return page.data.map((row) => ({
        key: `product-${row.id}`,
        title: row.name,
        detail: row.id,
        icon: 'products',
        to: `/products/${encodeURIComponent(row.id)}`,
      }))
    },
  },
]

/**
 * Asks the server for what is called like `text`, of the kinds that the user may see. A kind that fails is left out;
 * if all fail, the first error is thrown.
 */
export async function findRows(
  text: string,
  can: (resource: string, action: string) => boolean,
  signal: AbortSignal,
): Promise<Finding[]> {
  const asked = sources.filter((source) => can(source.resource, 'query'))
  const answers = await Promise.allSettled(asked.map((source) => source.find(text, signal)))
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  const failed = answers.find((answer) => answer.status === 'rejected')
  if (failed && answers.every((answer) => answer.status === 'rejected')) throw failed.reason
  return found
}
