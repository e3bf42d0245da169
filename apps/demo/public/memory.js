// What a reload brings back: the run of this tab, and what each run was started as, for all tabs.
const shownRun = 'consentry-demo:run'
const startedAs = 'consentry-demo:kinds'
const most = 20

const read = () => JSON.parse(localStorage.getItem(startedAs) ?? '[]')

export const remembered = () => sessionStorage.getItem(shownRun)
export const rememberShown = (id) => sessionStorage.setItem(shownRun, id)
export const rememberKind = (id, kind) => localStorage.setItem(startedAs, JSON.stringify([[id, kind], ...read()].slice(0, most)))
export const kindNameOf = (id) => new Map(read()).get(id)

export function forgetAll () {
  sessionStorage.removeItem(shownRun)
  localStorage.removeItem(startedAs)
}
