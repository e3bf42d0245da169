/** Calls `fn` when this machine may be back from sleep, the network from being away, or the person from another tab. */
export function onWake (fn: () => void, signal: AbortSignal): void {
  if (typeof document === 'undefined') return
  addEventListener('online', fn, { signal })
  document.addEventListener('visibilitychange', fn, { signal })
}
