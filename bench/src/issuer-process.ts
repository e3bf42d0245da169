import { serve } from './child.ts'
import { startIssuer } from './issuer.ts'

await serve<never>(async () => {
  const { url } = await startIssuer()
  return { ready: url, answer: () => {} }
})
