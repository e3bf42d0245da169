/**
 * The `data` of each block of a stream of Server-Sent Events (HTML Standard section 9.2.6), one line each as this server
 * writes it; empty for a comment that keeps it alive. What was cut off in the middle is dropped.
 */
export async function * readEventStream (body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (text + decoder.decode(value, { stream: true })).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) yield /^data: (.*)$/m.exec(block)?.[1] ?? ''
  }
}
