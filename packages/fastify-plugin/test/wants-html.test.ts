import t from 'tap'
import { wantsHtml } from '../src/wants-html.ts'

t.test('who wants HTML is told by Accept as a whole (RFC 9110 section 12.5.1)', async (t) => {
  for (const [accept, expected] of [
    ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8', true],
    ['text/html', true],
    ['TEXT/HTML', true],
    ['text/*', true],
    ['application/json;q=0.5, text/html', true],
    ['*/*', false],
    ['application/json', false],
    ['application/json, text/html;q=0', false],
    ['text/html;q=0', false],
    ['text/html;q=0.4, application/problem+json', false],
    ['text/event-stream', false],
    ['', false],
    [undefined, false]
  ] as const) t.equal(wantsHtml({ headers: accept === undefined ? {} : { accept } }), expected, String(accept))
})
