const names = { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } }

/** JSON Schema of who may pass a route. */
export const authSchema: object = {
  anyOf: [
    { type: 'boolean' },
    {
      type: 'object',
      additionalProperties: false,
      properties: {
        groups: names,
        roles: names,
        scopes: names,
        verified: { type: 'boolean' },
        maxAge: { type: 'number', minimum: 30 },
        acr: names,
        check: { function: true }
      }
    }
  ]
}

// oxlint-disable-next-line no-thenable -- JSON Schema's own word
const kindNeeds = (kind: string, methods: readonly string[]): object => ({ if: { properties: { kind: { const: kind } } }, then: { methods } })

const providerSchema = {
  type: 'object',
  required: ['kind'],
  properties: { kind: { enum: ['redirect', 'form', 'direct'] } },
  methods: ['revoke', 'userInfo'],
  allOf: [
    kindNeeds('redirect', ['authorizationUrl', 'authorizationResponse', 'exchange', 'refresh']),
    kindNeeds('form', ['submit']),
    kindNeeds('direct', ['obtain'])
  ]
}

/** JSON Schema of the plugin's options; `function` and `methods` are keywords of our own. */
export const optionsSchema: object = {
  type: 'object',
  required: ['baseUrl', 'secret', 'providers'],
  additionalProperties: false,
  properties: {
    baseUrl: { type: 'string' },
    secret: { anyOf: [{ type: 'string' }, { type: 'array', minItems: 1, items: { type: 'string' } }] },
    providers: {
      type: 'object',
      // Names stand in paths and cookies.
      propertyNames: { pattern: '^[a-z][a-z0-9_-]{0,63}$', not: { const: 'basic' } },
      additionalProperties: providerSchema
    },
    login: { type: 'array', uniqueItems: true, items: { type: 'string' } },
    identity: {
      type: 'object',
      additionalProperties: false,
      properties: {
        jwt: {
          type: 'object',
          required: ['issuers'],
          additionalProperties: false,
          properties: {
            issuers: {
              type: 'array',
              minItems: 1,
              items: {
                type: 'object',
                required: ['issuer', 'audience'],
                additionalProperties: false,
                properties: {
                  issuer: { type: 'string', minLength: 1 },
                  audience: { anyOf: [{ type: 'string', minLength: 1 }, { $ref: '#/$defs/names' }] },
                  jwksUri: { anyOf: [{ type: 'string' }, { type: 'object' }] },
                  jwks: { type: 'object' },
                  algorithms: { $ref: '#/$defs/names' },
                  typ: { type: 'string' },
                  clientIds: { $ref: '#/$defs/names' },
                  allowIdTokens: { type: 'boolean' }
                }
              }
            },
            clockTolerance: { type: 'number', minimum: 0, maximum: 300 },
            timeout: { $ref: '#/$defs/count' },
            fetch: { function: true }
          }
        },
        introspection: { type: 'object' },
        apiKey: {
          type: 'object',
          required: ['secret', 'find'],
          additionalProperties: false,
          properties: { secret: { anyOf: [{ type: 'string', minLength: 32 }, { $ref: '#/$defs/names' }] }, find: { function: true } }
        },
        basic: {
          type: 'object',
          required: ['realm', 'check'],
          additionalProperties: false,
          properties: { realm: { type: 'string', minLength: 1 }, check: { function: true } }
        },
        trust: { const: 'upstream' },
        cache: {
          type: 'object',
          additionalProperties: false,
          properties: { maxEntries: { type: 'integer', minimum: 0 }, lifetime: { type: 'number', minimum: 0 } }
        },
        attempts: {
          anyOf: [
            { const: false },
            { type: 'object', additionalProperties: false, properties: { nameAndAddress: { $ref: '#/$defs/limit' }, address: { $ref: '#/$defs/limit' }, name: { $ref: '#/$defs/limit' } } }
          ]
        },
        reverify: { type: 'number', minimum: 1, maximum: 86400 },
        session: {
          type: 'object',
          additionalProperties: false,
          properties: { idleLifetime: { $ref: '#/$defs/seconds' }, absoluteLifetime: { $ref: '#/$defs/seconds' } }
        },
        namespace: { type: 'string', pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' },
        identityKey: { function: true }
      }
    },
    tokenStore: { type: 'object', methods: ['load', 'save', 'delete', 'exists', 'listKeys', 'withLock'] },
    stateStore: { type: 'object', methods: ['get', 'set', 'take', 'compareAndSet', 'compareAndSetWith', 'append', 'read', 'publish', 'subscribe', 'lock'] },
    defaultAuth: authSchema,
    prefix: { $ref: '#/$defs/path' },
    executionsPrefix: { $ref: '#/$defs/path' },
    allowedOrigins: { type: 'array', items: { type: 'string' } },
    rateLimit: {
      anyOf: [
        { const: false },
        { type: 'object', additionalProperties: false, properties: { max: { $ref: '#/$defs/count' }, timeWindow: { $ref: '#/$defs/count' } } }
      ]
    },
    tenant: { function: true },
    flowLifetime: { type: 'number', minimum: 1, maximum: 86400 },
    refreshBuffer: { type: 'number', minimum: 0, maximum: 3600 },
    executions: {
      type: 'object',
      additionalProperties: false,
      properties: {
        maxAge: { $ref: '#/$defs/seconds' },
        retention: { $ref: '#/$defs/seconds' },
        maxPerUser: { $ref: '#/$defs/count' },
        maxEvents: { $ref: '#/$defs/count' },
        lease: { $ref: '#/$defs/seconds' }
      }
    },
    websocket: {
      type: 'object',
      additionalProperties: false,
      properties: {
        authTimeout: { $ref: '#/$defs/count' },
        maxPayload: { $ref: '#/$defs/count' },
        maxBuffered: { $ref: '#/$defs/count' },
        maxMessages: { $ref: '#/$defs/count' },
        heartbeat: { $ref: '#/$defs/count' }
      }
    },
    audit: { function: true },
    onReauthRequired: { function: true },
    fetch: { function: true },
    clock: { type: 'object', methods: ['now', 'monotonic', 'timer'] },
    randomBytes: { function: true }
  },
  $defs: {
    seconds: { type: 'number', exclusiveMinimum: 0 },
    count: { type: 'integer', minimum: 1, maximum: 2147483647 },
    limit: {
      type: 'object',
      required: ['max', 'window'],
      additionalProperties: false,
      properties: { max: { $ref: '#/$defs/count' }, window: { type: 'number', minimum: 1, maximum: 86400 } }
    },
    names,
    path: { type: 'string', pattern: '^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$' }
  }
}
