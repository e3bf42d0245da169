/** `read` as often as it is asked for, but never twice at a time: who asks meanwhile has it done once more. */
export function oneAtATime (read) {
  let reading = false
  let outdated = false
  return async () => {
    outdated = true
    if (reading) return
    reading = true
    try {
      while (outdated) {
        outdated = false
        await read()
      }
    } finally {
      reading = false
    }
  }
}
