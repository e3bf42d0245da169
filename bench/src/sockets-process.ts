import { serve } from './child.ts'
import { createSockets } from './sockets.ts'

/** What the process with the clients is asked. */
export type Question =
  | { do: 'open', url: string, headers: ReadonlyArray<Readonly<Record<string, string>>> }
  | { do: 'received', count: number }
  | { do: 'close' }

await serve<Question>(async () => {
  const sockets = createSockets()
  return {
    answer (question) {
      switch (question.do) {
        case 'open': return sockets.open(question.url, question.headers)
        case 'received': return sockets.received(question.count)
        case 'close': return sockets.close()
      }
    }
  }
})
