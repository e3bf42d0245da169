import { agenda, day, hours } from './agenda.js'
import { h } from './dom.js'
import { inWords, plural } from './words.js'

/** What a finished run came to. */
export function resultOf (kind, result) {
  return (results[kind] ?? unknown)(result ?? {})
}

/** The same in a sentence, for those who do not see it. */
export function spokenResult (kind, result) {
  return kind === 'report' ? `: ${plural(result?.events?.length ?? 0, 'event')}.` : '.'
}

const results = {
  report: ({ events = [] }) => [agenda(events)],

  'focus-time': ({ slot, booked, missingScopes = [] }) => {
    if (slot === undefined) return [h('p', {}, 'There are no two free hours left in this week.')]
    if (booked !== undefined) return [h('p', { class: 'lead' }, 'It is in your calendar: ', time(slot), '.'), agenda([booked])]
    return [h('div', { class: 'partial', role: 'note' },
      h('h3', {}, 'Half of it is done'),
      h('p', {}, 'You are free ', time(slot), '. It is not in your calendar, since you allowed a part and left this out:'),
      h('ul', { class: 'chips' }, missingScopes.map((scope) => h('li', {}, inWords(scope), ' ', h('code', {}, scope)))),
      h('p', {}, 'What you allowed before goes on working. Book again to be asked again.'))]
  },

  'whole-week': ({ calendars = [] }) => [h('div', { class: 'pair' }, calendars.map(({ profile, account, events }) =>
    h('section', { 'aria-label': `${profile} calendar` }, h('h3', {}, profile), h('p', { class: 'hint' }, account ?? 'an account without an address'), agenda(events))))],

  watch: ({ looks, events = [] }) => [h('p', {}, `Looked ${plural(looks, 'time')}, and saw ${plural(events.length, 'event')}. The access was renewed on the way: see the activity.`)],

  forecast: ({ days = [] }) => [h('ul', { class: 'sky' }, days.map(weather))],

  walk: ({ best }) => best === undefined
    ? [h('p', {}, 'There is no free hour left in this week.')]
    : [h('p', { class: 'lead' }, 'Go ', time(best.slot), '. You are free then, and it is the driest day.'), h('ul', { class: 'sky' }, weather(best.day))]
}

function unknown () {
  return [h('p', {}, 'It is done.')]
}

function time ({ start, end }) {
  return h('b', {}, `${day(start)}, ${hours(start, end)}`)
}

function weather ({ date, sky, high, rain }) {
  return h('li', { 'data-sky': sky.toLowerCase() }, h('b', {}, h('time', { datetime: date }, day(date))), h('span', {}, sky), h('span', {}, `${high} °C`), h('span', { class: 'hint' }, `${rain} % rain`))
}
