/** A promise and the ways to settle it. */
export interface Deferred<T> {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
}

/** A rejection that nobody waits for is nobody's problem. */
export function deferred<T> (): Deferred<T> {
  const made = {} as Deferred<T>
  made.promise = new Promise<T>((resolve, reject) => { Object.assign(made, { resolve, reject }) })
  made.promise.catch(() => {})
  return made
}
