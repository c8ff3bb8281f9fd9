/** Waits until `look` answers something true; the last answer is returned. */
export async function eventually<T>(look: () => Promise<T>, within = 30_000): Promise<T> {
  const until = Date.now() + within
  for (;;) {
    const answer = await look()
    if (answer) return answer
    if (Date.now() > until) throw new Error(`still not: ${look}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}
