// Writes docs/errors.md from the codes of core and their statuses in the plugin; with --check says whether it is stale.
import { errorCodes } from '../../packages/core/dist/src/errors.js'
import { statusCodes } from '../../packages/fastify-plugin/dist/src/errors.js'
import { writeOrCheck } from './page.mjs'

const rows = Object.entries(errorCodes).map(([code, { message, retryable }]) =>
  `| \`${code}\` | ${statusCodes[code]} | ${retryable ? 'yes' : 'no'} | ${message.replaceAll('|', '\\|')} |`)

const page = `# Error codes

<!-- Written by \`npm run docs:errors\` from the source. Do not edit. -->

Every failure of Consentry has a \`code\`. Codes are stable; programs go by them, never by the message.

- Below HTTP a failure is a \`ConsentryError\` of \`@consentry/core\`: \`code\`, \`message\`, \`retryable\`, \`retryAfter\` (milliseconds, where the other side said so), and \`cause\`. \`ConsentryError.is(error, code)\` tells them apart.
- Over HTTP it is a problem document (RFC 9457) with the status below: \`{ type: 'urn:consentry:error:<code>', title, status, code, retryable }\`, and further members where a route says so.
- The messages are all there is to read: none holds a secret, or text of a provider or a caller. An option that is wrong is named by the message of the plugin, and by the \`cause\` below it, for whoever starts the server. Elsewhere \`cause\` may hold what a provider sent; log the code, not the chain.
- \`retryable\`: the same call may succeed later without anybody changing anything.

| code | status | retryable | message |
| --- | --- | --- | --- |
${rows.join('\n')}
`

await writeOrCheck('docs/errors.md', 'docs:errors', page)
