/** How fast a task comes along, from what really happened in the last minute, and when it would end at that pace. */

/** How many devices had come to an end (success or failure) at a moment. */
export interface Sample {
  at: number
  done: number
}

export interface Pace {
  /** Devices a minute. */
  perMinute: number
  /** At this pace; null when nothing is left or nothing ended in the last minute. */
  secondsLeft: number | null
}

const windowMs = 60_000
/** Sooner than this nothing is said: the first devices of a rollout say little about the rest. */
const leastMs = 10_000

/** The samples with one more. What is older than the window goes, but for the newest of it, where the window begins. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const last = samples.at(-1)
  if (last && sample.at < last.at) return [...samples]
  // Fewer than before: devices were retried. Only what comes from now on tells the pace.
  if (last && sample.done < last.done) return [sample]
  const begin = sample.at - windowMs
  const first = samples.findLastIndex((each) => each.at <= begin)
  const kept = samples.slice(Math.max(0, first))
  return last?.at === sample.at ? [...kept.slice(0, -1), sample] : [...kept, sample]
}

/** The pace at `now`; null while too little has been seen. */
export function paceOf(samples: readonly Sample[], left: number, now: number): Pace | null {
  const last = samples.at(-1)
  if (!last) return null
  const begin = now - windowMs
  const first =
    samples[
      Math.max(
        0,
        samples.findLastIndex((each) => each.at <= begin),
      )
    ]!
  const from = Math.max(first.at, begin)
  if (now - from < leastMs) return null
  const ended = last.done - first.done
  const perMinute = (ended * 60_000) / (now - from)
  const secondsLeft = left > 0 && perMinute > 0 ? (left / perMinute) * 60 : null
  return { perMinute, secondsLeft }
}
