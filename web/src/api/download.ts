/** Files that the server makes: fetched with the token in a header, so that it gets into no address, then saved. */
import { ApiError, refusal, requestHeaders } from './client'

/** Saves the answer to POST `path` (below `/api`) as a file under the name that the server gives. Throws ApiError. */
export async function download(path: string, body: unknown, fallbackName: string) {
  await saveAnswer(path, { method: 'POST', body: JSON.stringify(body) }, fallbackName)
}

/** Saves the answer to GET `path` (below `/api`). Throws ApiError. */
export async function downloadFile(path: string, fallbackName: string) {
  await saveAnswer(path, { method: 'GET' }, fallbackName)
}

async function saveAnswer(path: string, request: RequestInit, fallbackName: string) {
  const headers = { ...requestHeaders(), 'Content-Type': 'application/json' }
  let response: Response
  try {
    response = await fetch(`/api${path}`, { ...request, headers })
  } catch {
    throw new ApiError('unreachable', 0, 'unreachable', undefined)
  }
  if (!response.ok) throw refusal(response, await response.json().catch(() => undefined))
  const name = nameIn(response.headers.get('Content-Disposition')) ?? fallbackName
  saveBlob(await response.blob(), name)
}

/** The name in a Content-Disposition: `filename*` (RFC 8187) beats `filename`. */
export function nameIn(disposition: string | null): string | undefined {
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '')
  if (extended) {
    try {
      return decodeURIComponent(extended[1]!.trim())
    } catch {
      // Broken escapes: the plain name has to do.
    }
  }
  return /filename="?([^";]+)"?/i.exec(disposition ?? '')?.[1]?.trim()
}

/** Lets the browser save `blob` as a file. */
export function saveBlob(blob: Blob, name: string) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
  // The browser has taken hold of the blob once the click is over.
  setTimeout(() => URL.revokeObjectURL(link.href))
}
