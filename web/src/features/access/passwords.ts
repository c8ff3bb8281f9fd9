/** Rules of a new password that is typed twice. */
export const shortestPassword = 8

/** Key of the message that says what is wrong with the pair; null = nothing. */
export function passwordProblem(password: string, again: string): string | null {
  if ([...password].length < shortestPassword) return 'access.tooShort'
  return password === again ? null : 'access.differ'
}
