export { redisState } from './redis-state.ts'
export type { RedisState, RedisStateOptions } from './redis-state.ts'
export type { RedisClient, RedisCommands, RedisConnection, RedisNode, RedisNodes, StreamEntry } from './redis-client.ts'
