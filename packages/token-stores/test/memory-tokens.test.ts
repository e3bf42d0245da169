import { memoryTokens } from '@consentry/core'
import { tokenStoreContract } from '@consentry/testing'
import t from 'tap'
import { encrypted } from '../src/index.ts'
import { newKey } from './open.ts'

t.test('in memory', async (t) => {
  const store = memoryTokens()
  tokenStoreContract(t, { open: () => store })
})

t.test('in memory, encrypted', async (t) => {
  const store = memoryTokens()
  tokenStoreContract(t, { open: () => encrypted(store, { keys: [newKey] }) })
})
