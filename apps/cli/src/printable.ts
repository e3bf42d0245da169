/**
 * What a terminal obeys instead of showing it, and what makes text read as another: control characters, and those that
 * turn the direction of writing. Not the tab.
 */
// oxlint-disable-next-line no-control-regex
const unseen = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Text of a server or a provider for a line of a terminal (T9). JSON stays the same JSON. */
export function printable (text: string): string {
  return text.replace(unseen, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
