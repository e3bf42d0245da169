/** A promise and what resolves it. */
export interface Deferred<T> {
  promise: Promise<T>
  resolve: (value: T) => void
}

export function deferred<T> (): Deferred<T> {
  const made = {} as Deferred<T>
  made.promise = new Promise((resolve) => { made.resolve = resolve })
  return made
}
