// Stands in for `@/app/i18n` where only the texts are wanted.
export const messages = <T>(both: T): T => both
