/** Somebody who waits no longer than so long for each thing. */
export interface Patience {
  /** Aborted when it has run out, or there is no need to wait any more. */
  readonly signal: AbortSignal
  /** Begins anew, with so many milliseconds. */
  renew (ms: number): void
  /** Waits no longer. */
  end: () => void
}

/** Ends with `signal`, which is not aborted yet. */
export function createPatience (signal: AbortSignal, ms: number): Patience {
  const over = new AbortController()
  let timer = setTimeout(end, ms)

  function end (): void {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
    over.abort()
  }

  signal.addEventListener('abort', end)
  return {
    signal: over.signal,
    end,
    renew (ms) {
      clearTimeout(timer)
      timer = setTimeout(end, ms)
    }
  }
}
