import { nodesOf, type RedisClient, type RedisStream } from './redis-client.ts'

/**
 * What is called before a command: all that is asked in one turn of the event loop then goes out in one write, for a write
 * of its own costs more than the rest of a command. What the application asks through the client keeps its place among it.
 */
export function oneWrite (redis: RedisClient): () => void {
  let held: RedisStream[] = []

  function send (): void {
    for (const stream of held) stream.uncork()
    held = []
  }

  return () => {
    if (held.length > 0) return
    for (const { stream } of nodesOf(redis)) {
      if (stream == null) continue
      stream.cork()
      held.push(stream)
    }
    // After all that follows from the answers at hand, which come many at a time too.
    if (held.length > 0) process.nextTick(send)
  }
}
