import { h } from './dom.js'
import { plural } from './words.js'

const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' })
const calendarDay = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short' })
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

/** The events of a report, day by day, in the time zone of whoever reads them. */
export function agenda (events) {
  const sorted = [...events].sort((a, b) => Date.parse(a.start) - Date.parse(b.start))
  const days = groupBy(sorted, dayOf)
  const busy = sorted.reduce((sum, { start, end }) => sum + minutesBetween(start, end), 0)
  return h('div', { class: 'agenda' },
    h('p', { class: 'sum' }, h('b', {}, plural(sorted.length, 'event')), ' on ', h('b', {}, plural(days.size, 'day')), ', ', h('b', {}, duration(busy)), ' in all'),
    [...days].map(([key, events]) => h('section', { class: 'day' }, heading(key, new Date(events[0].start)), h('ul', {}, events.map(entry)))))
}

/** A day in words, of a time or of a date alone. */
export function day (time) {
  const at = new Date(time.length === 10 ? `${time}T12:00:00` : time)
  return `${weekday.format(at)}, ${date.format(at)}`
}

export function hours (start, end) {
  return `${clock.format(new Date(start))}–${clock.format(new Date(end))}`
}

function heading (key, start) {
  return h('h4', {}, h('time', { datetime: key }, weekday.format(start), ' ', h('span', {}, date.format(start))))
}

function entry ({ title, start, end }) {
  return h('li', {},
    h('span', { class: 'when' }, h('time', { datetime: start }, clock.format(new Date(start))), '–', h('time', { datetime: end }, clock.format(new Date(end)))),
    h('span', { class: 'what' }, title),
    h('span', { class: 'long' }, duration(minutesBetween(start, end))))
}

function dayOf ({ start }) {
  return calendarDay.format(new Date(start))
}

function minutesBetween (start, end) {
  return Math.max(0, Math.round((Date.parse(end) - Date.parse(start)) / 60_000))
}

function duration (minutes) {
  const hours = Math.floor(minutes / 60)
  return [hours > 0 ? `${hours} h` : '', minutes % 60 > 0 || hours === 0 ? `${minutes % 60} min` : ''].filter(Boolean).join(' ')
}

function groupBy (items, key) {
  const groups = new Map()
  for (const item of items) groups.set(key(item), [...groups.get(key(item)) ?? [], item])
  return groups
}
