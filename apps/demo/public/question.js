import { h } from './dom.js'
import { inWords, scopeLabels } from './words.js'

/** The element that asks a run's questions. It opens nothing but by the person's click, and says where that leads. */
export function buildPrompt ({ id }, { client, about }) {
  const prompt = h('consentry-prompt', { execution: id }, h('div', { slot: 'intro', class: 'intro' }))
  const typed = ({ provider }) => about.providers[provider]?.kind === 'form'
  prompt.texts = {
    continueTo: (question) => typed(question) ? 'Enter your key' : 'Give consent',
    hint: (question) => typed(question) ? 'Opens a page of this application in a new window, which closes when you are done.' : `Opens ${question.host} in a new window, which closes when you are done.`,
    waiting: (question) => typed(question) ? 'Waiting for your key in the other window…' : `Waiting for your answer at ${question.host}…`,
    // The page says it for all of its parts.
    announced: () => ''
  }
  prompt.scopeLabels = scopeLabels
  prompt.client = client
  return prompt
}

/** What a question is about and what is new in it, above its facts. */
export function updateIntro (prompt, { questions }, { connections, about }) {
  const intro = prompt.querySelector('[slot=intro]')
  const key = JSON.stringify([questions, connections])
  if (questions.length === 0 || intro.dataset.of === key) return
  intro.dataset.of = key
  intro.replaceChildren(h('p', {}, reason(questions, connections, about)), ...questions.flatMap((question) => news(question, connections)))
}

function reason (questions, connections, about) {
  const [{ provider, profile, scopes }] = questions
  if (questions.length > 1) return 'It cannot begin without these, so it asks for all of them at once. Answer them in any order.'
  if (about.providers[provider]?.kind === 'form') return `It needs your key for ${about.providers[provider].label}, and waits here until it has one.`
  if (held({ provider, profile }, connections).some((scope) => scopes.includes(scope))) return `It wants to do one thing more with your ${profile} calendar. If you decline, what you have allowed so far goes on working.`
  if (connections.some((other) => other.provider === provider)) return `It has come to your ${profile} calendar, which is another account of yours. In the window you can choose which.`
  return `It has come to your ${profile} calendar, and waits here until you answer.`
}

/** The difference, where something was allowed before. */
function news (question, connections) {
  const before = held(question, connections)
  if (before.length === 0) return []
  const fresh = question.scopes.filter((scope) => !before.includes(scope))
  return [h('ul', { class: 'news', 'aria-label': 'What is new' }, fresh.map((scope) => h('li', {}, h('b', {}, 'New'), h('span', {}, inWords(scope)))))]
}

function held ({ provider, profile }, connections) {
  return connections.find((one) => one.provider === provider && one.profile === profile && one.status !== 'ended')?.scopes ?? []
}
