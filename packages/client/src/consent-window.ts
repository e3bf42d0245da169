/** A window in which the person is asked. */
export interface ConsentWindow {
  /**
   * Resolves when the window seems to be gone before the question is over. A hint only: a provider that cuts the tie to
   * who opened it (`Cross-Origin-Opener-Policy`) looks the same. The answer is `outcome` of the question.
   */
  readonly closed: Promise<void>
}

/** How often a window is looked at, in milliseconds: none tells when it closes. */
const lookEvery = 500

/** Opens `url` if a person asked for it just now; `null` if not, or if the browser does not let it. Looks after it until `over`. */
export function openConsent (url: string, name: string, over: Promise<unknown>): ConsentWindow | null {
  // Browsers that do not tell have their own guard against windows that nobody asked for; Node.js opens none.
  if (typeof open !== 'function' || !(navigator.userActivation?.isActive ?? true)) return null
  // With an opener, so that the last page can close itself. The same name again is the same window.
  const opened = open(url, name, 'popup,width=560,height=720')
  return opened && {
    closed: new Promise((resolve) => {
      const stop = (): void => { clearInterval(timer) }
      const timer = setInterval(() => {
        if (!opened.closed) return
        stop()
        resolve()
      }, lookEvery)
      void over.then(stop)
    })
  }
}
