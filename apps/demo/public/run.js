/** A run as far as this page knows it: its events by their number. */
export function createRun (id, kind) {
  return { id, kind, events: new Map(), forgotten: false }
}

/** Whether the event is one that was not known yet. */
export function addedTo (run, event) {
  if (run.events.has(event.seq)) return false
  run.events.set(event.seq, event)
  return true
}

/** What the events of a run add up to. */
export function readRun ({ id, kind, events, forgotten }) {
  const ordered = [...events.values()].sort((a, b) => a.seq - b.seq)
  // One that nothing is known of yet has just begun.
  const view = { id, kind, status: 'running', steps: [], questions: [], startedAt: ordered[0]?.time ?? '9' }
  for (const event of ordered) apply(view, event)
  // The server does not know it any more, so nothing will come.
  if (forgotten && !isOver(view)) Object.assign(view, { status: 'forgotten', questions: [] })
  const last = view.steps.at(-1)
  if (last?.state === 'done' && view.status === 'running') last.state = 'active'
  return view
}

export function isOver ({ status }) {
  return status !== 'running' && status !== 'oauth_required'
}

function apply (view, { type, seq, time, data }) {
  const step = (text, state = 'done', flowId) => view.steps.push({ seq, time, text, state, flowId })
  switch (type) {
    case 'running':
      return step('Started')
    case 'progress':
      return progress(view, data, step)
    case 'oauth_required':
      view.status = 'oauth_required'
      view.questions = [...view.questions.filter(({ flowId }) => flowId !== data.flowId), data]
      // Asked again with more scopes it is still the same question.
      if (!view.steps.some(({ flowId }) => flowId === data.flowId)) step('Waiting for your consent', 'waiting', data.flowId)
      return
    case 'oauth_resolved': {
      view.questions = view.questions.filter(({ flowId }) => flowId !== data.flowId)
      if (view.questions.length === 0) view.status = 'running'
      const [text, state] = outcomes[data.outcome] ?? ['The question ended', 'bad']
      const asked = view.steps.find(({ flowId }) => flowId === data.flowId)
      return asked === undefined ? step(text, state, data.flowId) : Object.assign(asked, { text, state, time })
    }
    case 'completed':
      Object.assign(view, { status: 'completed', questions: [], result: data.result })
      return step('Finished')
    case 'failed':
      Object.assign(view, { status: 'failed', questions: [], error: data })
      return step('Stopped', 'bad')
    case 'cancelled':
      Object.assign(view, { status: 'cancelled', questions: [] })
      return step('Cancelled', 'bad')
  }
}

/** What it is is no step; a part of a step that is known already moves that on. */
function progress (view, data, step) {
  if (typeof data?.kind === 'string') return void (view.kind = data.kind)
  const text = typeof data?.step === 'string' ? data.step : 'Working'
  const part = typeof data?.of === 'number' ? { done: data.done, of: data.of } : undefined
  const last = view.steps.at(-1)
  if (part === undefined || last?.text !== text) step(text)
  view.steps.at(-1).part = part
}

const outcomes = {
  granted: ['You gave your consent', 'done'],
  denied: ['You declined', 'bad'],
  expired: ['The question ran out of time', 'bad'],
  cancelled: ['The question was withdrawn', 'bad'],
  superseded: ['A newer question took its place', 'bad'],
  account_mismatch: ['Another account answered', 'bad'],
  provider_error: ['The provider could not answer', 'bad']
}

const endings = {
  CONSENTRY_ERR_CONSENT_DENIED: ['You said no, and that is fine', 'Nothing was stored. What you allowed before is as it was, and goes on working.'],
  CONSENTRY_ERR_FLOW_EXPIRED: ['The question ran out of time', 'It waits for a while and then gives up. Nothing was stored.'],
  CONSENTRY_ERR_FLOW_CANCELLED: ['The question was withdrawn', 'Nothing was stored.'],
  CONSENTRY_ERR_FLOW_SUPERSEDED: ['A newer question took its place', 'Answer that one, or start again.'],
  CONSENTRY_ERR_ACCOUNT_MISMATCH: ['That was another account', 'Use the account that is connected, or disconnect it first.'],
  CONSENTRY_ERR_SCOPES_MISSING: ['You allowed a part of it', 'What you left out is needed here. What you allowed is kept, and trying again asks for the rest.'],
  CONSENTRY_ERR_GRANT_REVOKED: ['You disconnected it on the way', 'The run was still using that access, so it was stopped at once. Try again to be asked anew.'],
  CONSENTRY_ERR_REAUTH_REQUIRED: ['The consent has ended', 'The provider took it back. Try again to be asked anew.'],
  CONSENTRY_ERR_PROVIDER_UNAVAILABLE: ['The provider does not answer', 'Try again in a moment.'],
  CONSENTRY_ERR_NODE_LOST: ['The server that ran it is gone', 'Another one goes on in its place. Try again.'],
  CONSENTRY_ERR_SHUTDOWN: ['The server was restarted', 'The run was stopped on the way.']
}

/** What to tell a person about a run that ended without a result: a title and a sentence. */
export function endingOf ({ status, error }) {
  if (status === 'cancelled') return ['You cancelled it', 'Nothing was left behind.']
  if (status === 'forgotten') return ['This run is not known any more', 'The server keeps runs for a while, and not beyond a restart.']
  return endings[error?.code] ?? ['That did not work', error?.message ?? 'Something went wrong.']
}
