import { parse } from 'parse5'
import type { DefaultTreeAdapterTypes } from 'parse5'

/** An element of a parsed page. */
export type Element = DefaultTreeAdapterTypes.Element
type Node = DefaultTreeAdapterTypes.Node

/** Parses a page as a browser without script would. */
export function parseHtml (text: string): DefaultTreeAdapterTypes.Document {
  return parse(text, { scriptingEnabled: false })
}

/** All elements below a node, in the order of the document. */
export function * elements (node: Node): Generator<Element> {
  if (!('childNodes' in node)) return
  for (const child of node.childNodes) {
    if ('tagName' in child) yield child
    yield * elements(child)
  }
}

/** The value of an attribute, `undefined` when it is absent. */
export function attribute (element: Element, name: string): string | undefined {
  return element.attrs.find((attr) => attr.name === name)?.value
}

/** The text of a node with its white space collapsed. */
export function textOf (node: Node): string {
  const parts: string[] = []
  const visit = (current: Node): void => {
    if (current.nodeName === '#text' && 'value' in current) parts.push(current.value)
    else if ('childNodes' in current && current.nodeName !== 'style' && current.nodeName !== 'script') current.childNodes.forEach(visit)
  }
  visit(node)
  return parts.join('').replace(/\s+/g, ' ').trim()
}
