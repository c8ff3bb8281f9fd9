/** A client of the REST API, for what a test needs before its browser comes, and to look behind the screen. */
export interface Refusal {
  status: number
  code: string
  message: string
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- rows of every kind, read by tests only
export type Result = any

export class Api {
  token = ''

  constructor(
    readonly origin: string,
    readonly language = 'en-US',
  ) {}

  async signIn(username: string, password: string): Promise<this> {
    const body = { username, password, expires: 3_600_000 }
    this.token = (await this.post('/authorize/login', body)).token
    return this
  }

  async answer(method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = { 'Accept-Language': this.language }
    if (this.token) headers['X-Access-Token'] = this.token
    const form = body instanceof FormData
    if (body !== undefined && !form) headers['Content-Type'] = 'application/json'
    const payload = body === undefined || form ? body : JSON.stringify(body)
    return fetch(`${this.origin}/api${path}`, { method, headers, body: payload })
  }

  /** The result of a call that must succeed. */
  async call(method: string, path: string, body?: unknown): Promise<Result> {
    const answer = await this.answer(method, path, body)
    const json = await answer.json()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(json)}`)
    return json.result
  }

  get = (path: string) => this.call('GET', path)
  post = (path: string, body: unknown = {}) => this.call('POST', path, body)
  put = (path: string, body: unknown = {}) => this.call('PUT', path, body)
  patch = (path: string, body: unknown = {}) => this.call('PATCH', path, body)

  /** What a call that must be refused says. */
  async refused(method: string, path: string, body?: unknown): Promise<Refusal> {
    const answer = await this.answer(method, path, body)
    if (answer.ok) throw new Error(`${method} ${path} was not refused`)
    const { message, code } = await answer.json()
    return { status: answer.status, message, code }
  }

  /** All rows that match: `rows('/firmware', { name: 'x' })`. */
  rows(base: string, columns: Record<string, unknown> = {}): Promise<Result[]> {
    const terms = Object.entries(columns).map(([column, value]) => ({ column, value }))
    return this.post(`${base}/_query/no-paging`, { paging: false, terms })
  }
}
