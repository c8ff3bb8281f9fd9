/**
 * The live events of the server (GET /events), read with fetch: the token stays in a header and never gets into an
 * address. The stream reconnects by itself, with growing waits up to `maxWait`, and says so.
 */
import { onScopeDispose, ref, type Ref } from 'vue'
import { credentials, requestHeaders } from './client'

/** One event: its name and its parsed data. */
export interface LiveEvent {
  event: string
  data: unknown
}

export type LinkState = 'connecting' | 'live' | 'lost'

const firstWait = 500
const maxWait = 8000

/** Cuts the text of a stream into events; keeps what is incomplete for the next piece. */
export class EventParser {
  private rest = ''

  push(text: string): LiveEvent[] {
    const blocks = (this.rest + text).replace(/\r\n?/g, '\n').split('\n\n')
    this.rest = blocks.pop() ?? ''
    return blocks.map(parseBlock).filter((event) => event !== null)
  }
}

function parseBlock(block: string): LiveEvent | null {
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const at = line.indexOf(':')
    if (at <= 0) continue // a comment, or a field without value
    const value = line.slice(at + 1).replace(/^ /, '')
    if (line.slice(0, at) === 'event') event = value
    if (line.slice(0, at) === 'data') data.push(value)
  }
  if (!data.length) return null
  try {
    return { event, data: JSON.parse(data.join('\n')) }
  } catch {
    return null
  }
}

export interface LiveOptions {
  taskId?: string
  firmwareId?: string
}

/**
 * Listens for as long as the calling component lives. `onEvent` gets every event, `onReconnect` runs after a gap, when
 * what was missed has to be fetched again.
 */
export function useLive(
  options: LiveOptions,
  onEvent: (event: LiveEvent) => void,
  onReconnect: () => void = () => {},
): Ref<LinkState> {
  const state = ref<LinkState>('connecting')
  const stopped = new AbortController()
  onScopeDispose(() => stopped.abort())

  async function listen() {
    let wait = firstWait
    let connectedBefore = false
    while (!stopped.signal.aborted && credentials.token) {
      try {
        await readOnce(options, stopped.signal, onEvent, () => {
          wait = firstWait
          state.value = 'live'
          if (connectedBefore) onReconnect()
          connectedBefore = true
        })
      } catch {
        // The reason does not matter: the link is down, and the loop tries again.
      }
      if (stopped.signal.aborted) return
      state.value = 'lost'
      await sleep(wait, stopped.signal)
      wait = Math.min(wait * 2, maxWait)
    }
  }
  void listen()
  return state
}

async function readOnce(
  options: LiveOptions,
  signal: AbortSignal,
  onEvent: (event: LiveEvent) => void,
  onOpen: () => void,
) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(options)) if (value) query.set(name, value)
  const response = await fetch(`/api/events?${query}`, {
    headers: { ...requestHeaders(), Accept: 'text/event-stream' },
    signal,
  })
  if (response.status === 401) credentials.onSignedOut()
  if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`)
  onOpen()
  const parser = new EventParser()
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    for (const event of parser.push(value)) onEvent(event)
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
