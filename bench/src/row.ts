/** One row of docs/performance.md: the same work, done in several ways. */
export interface Row {
  /** `P1` to `P14`. */
  id: string
  /** What is done, in a few words. */
  title: string
  /** What exactly is measured, and on what. */
  method: string
  metrics: Readonly<Record<string, Metric>>
  /** The limit first, ours last. */
  variants: readonly Variant[]
  goals: readonly Goal[]
  /** What must run beside it. */
  services?: readonly Service[]
  /** Each round has a process of its own: memory is measured, which a process that has worked before has used up already. */
  fresh?: boolean
  /** What grows, to see what that costs. */
  growth?: Growth
  /** No more rounds than this, where one takes long. */
  mostRounds?: number
}

/** The row at several sizes. */
export interface Growth {
  /** What there are so many of. */
  of: string
  sizes: readonly number[]
  /** What one more should cost no more of. */
  metric: string
}

/** What is measured. */
export interface Metric {
  label: string
  /** `/s`, `µs`, `bytes` or `''` for what is counted. */
  unit: string
  better: 'higher' | 'lower'
}

/** `redis`: a redis-server of its own. `issuer`: an authorization server that answers at once. */
export type Service = 'redis' | 'issuer'

/** One way to do the work. */
export interface Variant {
  /** As in results.json. */
  name: string
  label: string
  role: 'limit' | 'peer' | 'ours'
  start: (surroundings: Surroundings) => Promise<Server | Trial>
}

/** What a variant finds when it starts. */
export interface Surroundings {
  /** `few` only shows that it works: some requests instead of thousands. */
  scale: 'few' | 'many'
  /** How many of what there may be many of, where it is not as many as the row says: users, executions, connections. */
  size?: number
  /** How long one round is, in milliseconds, where that is not given by the work. */
  duration: number
  /** Where Redis listens, for rows that need it. */
  redis: string
  /** The issuer's URL, for rows that need one. */
  issuer: string
}

/** What a round measured, by the names of the row's metrics. */
export type Sample = Readonly<Record<string, number>>

/** It answers requests over HTTP; the load comes from outside. */
export interface Server {
  kind: 'server'
  port: number
  /** `count` requests for the next round. */
  requests: (count: number) => Promise<Request[]> | Request[]
  /** How many requests a round needs when each may be sent only once. Otherwise they are sent again and again. */
  once?: number
  /** Throws unless it is the answer to one of the requests. */
  check: (answer: Answer) => void
  close: () => Promise<void>
}

export interface Request {
  path: string
  headers: Readonly<Record<string, string>>
}

export interface Answer {
  status: number
  headers: Headers
  body: string
}

/** It does the work by itself. */
export interface Trial {
  kind: 'trial'
  /** Throws when the work was not done as it should be. */
  round: () => Promise<Sample>
  close: () => Promise<void>
}

/** What ours should reach in the median: against another way in the same round, or by itself. */
export interface Goal {
  metric: string
  /** The name of the variant that counts; `ours` unless given. */
  variant?: string
  /** The variant that it is divided by; absent for a goal in units of the metric. */
  to?: string
  /** The metric of `to`; the same unless given. */
  toMetric?: string
  atLeast?: number
  atMost?: number
}
