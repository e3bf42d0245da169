/** The codes with which the server says that nobody is signed in (any more). */
const signedOutCodes = new Set([4401, 4408])
const lastTypes = new Set(['completed', 'failed', 'cancelled'])

const firstPause = 500
const longestPause = 15_000
/** A connection that does not answer is no connection. Milliseconds. */
const pingEvery = 20_000
const pongWithin = 8_000

/**
 * The events of whoever is signed in, over a WebSocket that comes back by itself and misses nothing. Delivers each
 * event at least once. Knows nothing of the page.
 *
 * `onState` hears `open`, and `lost` with the number of attempts since then; `onSignedOut` ends it.
 */
export function openEvents ({ url, onEvent, onState, onSignedOut }) {
  /** What was seen of each execution: the newest event before the first gap. */
  const followed = new Map()
  let socket
  let attempts = 0
  let pause
  let ping
  let deadline
  let closed = false

  function connect () {
    clearTimeout(pause)
    socket = new WebSocket(url)
    socket.addEventListener('open', opened)
    socket.addEventListener('message', ({ data }) => receive(JSON.parse(data)))
    socket.addEventListener('close', lost)
  }

  function opened () {
    attempts = 0
    for (const [id, seen] of followed) if (!seen.over) subscribe(id, seen)
    ping = setInterval(check, pingEvery)
    onState('open', 0)
  }

  function check () {
    if (deadline !== undefined || socket.readyState !== WebSocket.OPEN) return
    socket.send(JSON.stringify({ type: 'ping' }))
    // close() would wait for the other side, which is the one that does not answer.
    deadline = setTimeout(() => abandon(), pongWithin)
  }

  function receive (message) {
    clearTimeout(deadline)
    deadline = undefined
    if (message.type === 'event') take(message.event)
  }

  function take (event) {
    const seen = followed.get(event.executionId) ?? { seq: 0 }
    followed.set(event.executionId, seen)
    if (event.seq === seen.seq + 1) seen.seq = event.seq
    else if (event.seq > seen.seq && seen.asked !== seen.seq) subscribe(event.executionId, seen)
    // Asked for and not there: the log is shorter than the run.
    else if (event.seq > seen.seq) seen.seq = event.seq
    if (lastTypes.has(event.type)) seen.over = true
    onEvent(event)
  }

  function subscribe (executionId, seen) {
    if (socket.readyState !== WebSocket.OPEN) return
    seen.asked = seen.seq
    socket.send(JSON.stringify({ type: 'subscribe', executionId, after: seen.seq }))
  }

  function lost ({ code }) {
    rest()
    if (closed) return
    if (signedOutCodes.has(code)) {
      close()
      return onSignedOut()
    }
    attempts++
    for (const seen of followed.values()) delete seen.asked
    const wait = Math.min(longestPause, firstPause * 2 ** (attempts - 1))
    // Not all at once after a restart.
    pause = setTimeout(connect, wait * (0.5 + Math.random() / 2))
    onState('lost', attempts)
  }

  function rest () {
    clearInterval(ping)
    clearTimeout(deadline)
    deadline = undefined
  }

  function abandon () {
    const old = socket
    old.removeEventListener('close', lost)
    old.close()
    lost({ code: 1006 })
  }

  function hurry () {
    if (closed) return
    if (socket.readyState === WebSocket.OPEN) check()
    else if (socket.readyState === WebSocket.CLOSED) connect()
  }

  function onVisible () {
    if (document.visibilityState === 'visible') hurry()
  }

  function close () {
    closed = true
    rest()
    clearTimeout(pause)
    removeEventListener('online', hurry)
    document.removeEventListener('visibilitychange', onVisible)
    socket.close()
  }

  addEventListener('online', hurry)
  document.addEventListener('visibilitychange', onVisible)
  connect()

  return {
    /** Asks for all events of an execution, also of one that is over. */
    follow (executionId) {
      if (followed.has(executionId)) return
      const seen = { seq: 0 }
      followed.set(executionId, seen)
      subscribe(executionId, seen)
    },
    close
  }
}
