/** Addresses of the things that many pages name. */
const part = encodeURIComponent

export const deviceLink = (id: string) => `/devices/${part(id)}`
export const productLink = (id: string) => `/products/${part(id)}`
export const protocolLink = (id: string) => `/protocols/${part(id)}`
/** The editor of a Lua package. */
export const scriptLink = (id: string) => `${protocolLink(id)}/script`
/** The devices of a product; with `version` those that reported exactly this one. */
export function devicesOfProductLink(productId: string, version?: string) {
  const query = `f.productId=${part(productId)}`
  return `/devices?${version ? `${query}&f.firmwareVersion=${part(`=${version}`)}` : query}`
}
export const newDeviceLink = (productId: string) => `/devices/new?productId=${part(productId)}`
export const firmwareOfProductLink = (productId: string) =>
  `/firmware?f.productId=${part(productId)}`

/** Where a row is shown that stands in the way of a deletion. */
export function referenceLink(reference: { referenceType: string; referenceId: string }): string {
  const links: Record<string, (id: string) => string> = {
    'device-instance': deviceLink,
    'device-product': productLink,
    firmware: (id) => `/firmware/${part(id)}`,
    upgradeTask: (id) => `/tasks/${part(id)}`,
  }
  return links[reference.referenceType]?.(reference.referenceId) ?? '/'
}
/** What operators did to one object. */
export const auditLink = (objectId: string) => `/audit?q=${part(objectId)}`
export const taskLink = (id: string) => `/tasks/${part(id)}`
/** The drawer of a record, over its task. */
export const recordLink = (record: { id: string; taskId: string }) =>
  `${taskLink(record.taskId)}/records/${part(record.id)}`
