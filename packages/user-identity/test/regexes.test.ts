import { parse, type Token } from 'acorn'
import { readdirSync, readFileSync } from 'node:fs'
import isSafe from 'safe-regex2'
import t from 'tap'

const src = new URL('../src/', import.meta.url)

/** Every regular expression of the package, by file. */
function regexes (): Array<[string, RegExp]> {
  return readdirSync(src).filter((name) => name.endsWith('.js')).flatMap((name) => {
    const tokens: Token[] = []
    const text = readFileSync(new URL(name, src), 'utf8')
    parse(text, { ecmaVersion: 'latest', sourceType: 'module', onToken: tokens })
    return tokens.filter(({ type }) => type.label === 'regexp').map((token): [string, RegExp] => [name, (token as Token & { value: { value: RegExp } }).value.value])
  })
}

t.test('T15: no regular expression repeats what repeats', async (t) => {
  const all = regexes()
  t.ok(all.length > 10)
  for (const [name, regex] of all) t.ok(isSafe(regex), `${name}: ${String(regex)}`)
  t.notOk(isSafe(/^(a+)+$/), 'one that does is found')
})

t.test('T15: none is put together from text', async (t) => {
  for (const name of readdirSync(src).filter((each) => each.endsWith('.js'))) t.notMatch(readFileSync(new URL(name, src), 'utf8'), /\bRegExp *\(/, name)
})
