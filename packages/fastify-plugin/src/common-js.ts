import { authorize, ConsentryError, currentExecution } from '@consentry/core'
import { createApiKey, hashApiKey, hashPassword, passwordTable, verifyPassword } from '@consentry/user-identity'
import { closeCodes } from './close-codes.ts'
import { statusCodes } from './errors.ts'
import type * as index from './index.ts'
import consentry from './plugin.ts'

type Named = Omit<typeof index, 'module.exports'>

const named: Named = {
  authorize, closeCodes, consentry, ConsentryError, createApiKey, currentExecution, default: consentry, hashApiKey,
  hashPassword, passwordTable, statusCodes, verifyPassword
}

/**
 * What `require` of this package answers: the plugin, with the other exports as its properties, as
 * Fastify's own plugins have it. Node.js takes it from the export named `module.exports`, and so does TypeScript.
 * @see https://nodejs.org/api/modules.html#loading-ecmascript-modules-using-require
 * @hidden
 */
export const moduleExports: typeof consentry & Named = Object.assign(consentry, named)
