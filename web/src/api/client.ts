/**
 * The typed client of the REST API. Every call goes through `call`, which opens the envelope and turns refusals into
 * `ApiError`, so that pages deal with results and one kind of error.
 */
import createClient, { type Middleware } from 'openapi-fetch'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

/** What a request carries besides its own members; the session and the language set it. */
export const credentials = {
  token: null as string | null,
  language: 'zh-CN',
  /** Called once for an answer 401 to a request that carried a token. */
  onSignedOut: () => {},
}

/** A member of a form that was refused. */
export interface FieldError {
  property: string
  message: string
  detail?: unknown
}

/** A row that stands in the way of a deletion. */
export type Reference = Schemas['Reference']

/** A refusal of the server, or no answer at all (`status` 0). `message` is a sentence in the asked language. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly result: unknown,
  ) {
    super(message)
    this.name = 'ApiError'
  }

  /** The server could not be reached. */
  get unreachable(): boolean {
    return this.status === 0
  }

  /** Which members of the form were refused, if the refusal says so. */
  get fields(): FieldError[] {
    if (!Array.isArray(this.result)) return []
    return this.result.filter(
      (entry): entry is FieldError => typeof entry?.property === 'string' && !!entry.message,
    )
  }

  /** The rows that stand in the way, for `error.data.referenced`. */
  get references(): Reference[] {
    return this.code === 'error.data.referenced' && Array.isArray(this.result) ? this.result : []
  }
}

const session: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(requestHeaders())) request.headers.set(name, value)
    return request
  },
  onResponse({ request, response }) {
    if (response.status === 401 && request.headers.has('X-Access-Token')) credentials.onSignedOut()
  },
}

/** The headers of every request: token and language. */
export function requestHeaders(): Record<string, string> {
  const headers: Record<string, string> = { 'Accept-Language': credentials.language }
  if (credentials.token) headers['X-Access-Token'] = credentials.token
  return headers
}

/** `api.POST('/firmware/_query', { body })` and so on; wrap it in `call`. */
export const api = createClient<paths>({ baseUrl: '/api' })
api.use(session)

interface Answer {
  data?: unknown
  error?: unknown
  response: Response
}

type ResultOf<T> = T extends { data: infer D }
  ? D extends { result?: infer R }
    ? R
    : undefined
  : never

/** Waits for an answer and opens its envelope. Throws ApiError; aborts are passed on as they are. */
export async function call<T extends Answer>(request: Promise<T>): Promise<ResultOf<T>> {
  let answer: T
  try {
    answer = await request
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ApiError('unreachable', 0, 'unreachable', undefined)
  }
  if (!answer.response.ok) throw refusal(answer.response, answer.error)
  return (answer.data as { result?: unknown } | undefined)?.result as ResultOf<T>
}

/** The ApiError of an answer that is no success. */
export function refusal(response: Response, body: unknown): ApiError {
  const { message, code, result } = (body ?? {}) as {
    message?: string
    code?: string
    result?: unknown
  }
  return new ApiError(
    message || `HTTP ${response.status}`,
    response.status,
    code ?? 'unknown',
    result,
  )
}
