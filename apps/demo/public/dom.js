/** An element with its attributes and children. Text stays text: there is no way to markup from here. */
export function h (tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    if (typeof value === 'function') element.addEventListener(name, value)
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== false))
  return element
}

/**
 * Brings the children of `parent` in line with `items`. A child is made once, changed by `update`, and left where it
 * is otherwise: focus and animations live on.
 */
export function reconcile (parent, items, { key, build, update }) {
  const children = new Map([...parent.children].map((child) => [child.dataset.key, child]))
  let previous = null
  for (const item of items) {
    const name = String(key(item))
    const child = children.get(name) ?? build(item)
    child.dataset.key = name
    children.delete(name)
    const next = previous === null ? parent.firstElementChild : previous.nextElementSibling
    if (child !== next) parent.insertBefore(child, next)
    update?.(child, item)
    previous = child
  }
  for (const child of children.values()) child.remove()
}

/** Says something new only when it is new, or screen readers would say it again. */
export function setText (element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** Rows of a description list; a fact without a value has none. */
export function rows (facts) {
  return facts.filter(([, value]) => value !== undefined).map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value)))
}
