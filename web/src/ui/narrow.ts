import { onScopeDispose, ref, type Ref } from 'vue'

/** True while the window is too narrow for what stands beside something else: phones. */
export function useNarrow(): Ref<boolean> {
  const query = window.matchMedia('(max-width: 700px)')
  const narrow = ref(query.matches)
  const follow = () => (narrow.value = query.matches)
  query.addEventListener('change', follow)
  onScopeDispose(() => query.removeEventListener('change', follow))
  return narrow
}
