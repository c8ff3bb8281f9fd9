/** The cache of everything the pages have read. */
import { QueryClient } from '@tanstack/vue-query'
import { ApiError } from '@/api/client'

const unreachableRetries = 3

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      retry: (count, error) =>
        error instanceof ApiError && error.unreachable && count < unreachableRetries,
    },
  },
})
