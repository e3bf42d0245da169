/** Names that stores have confused: patterns, separators, hash tags of a cluster, members of objects, other alphabets, length. */
export const hostileNames: readonly string[] = [
  '', 'a', 'A', 'a ', 'a:b', '.*', '*', '?', '[a-z]', '{a}', '{}', 'a}b{', '/', '..', '%', '%25', '\\', '__proto__', 'constructor', '1', '-1',
  'ключ', '\u{1F511}', 'a\0b', 'a\nb', 'a\r\nb', 'É', 'E\u0301', 'x'.repeat(10_000), `${'x'.repeat(9_999)}y`
]

export const hostileValues: readonly string[] = ['', '0', 'null', '\0', '\r\n', '\u0001\u007F\u0080\u00FF', '\u2028', '日本語 \u{1F511}', 'é'.repeat(10_000), 'x'.repeat(1024 * 1024)]
