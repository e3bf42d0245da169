import { script, type Script } from './redis-client.ts'

/** What names a write has this many characters, and comes before the value in what is stored. */
export const nameLength = 11

/*
 * Each works on keys of one slot, so that a cluster finds them in one place. A client that reconnects may send a command again that
 * was carried out already. So a write has a name that nobody else gives: the second time it changes nothing, and answers
 * as it did. Times are the server's.
 */

/**
 * Compare and set. Keys: of the value, and of one that is stored with it, if that is to be and nothing is there. Arguments:
 * the write's name, '1' and the expected value or '0' and '' for none, '1' and the value or '0' and '' to delete, ms; and of
 * what is stored with it the value and ms.
 */
export const compareAndSet: Script = script(`
local stored = redis.call('GET', KEYS[1])
if stored and string.sub(stored, 1, ${nameLength}) == ARGV[1] then return 1 end
if ARGV[2] == '0' and stored then return 0 end
if ARGV[2] == '1' and (not stored or string.sub(stored, ${nameLength + 1}) ~= ARGV[3]) then return 0 end
if KEYS[2] then redis.call('SET', KEYS[2], ARGV[1] .. ARGV[7], 'PX', ARGV[8], 'NX') end
if ARGV[4] == '0' or ARGV[6] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1] .. ARGV[5], 'PX', ARGV[6]) end
return 1`)

/**
 * Appends to a stream whose ids are sequence numbers. They come from the newest entry, which no trimming removes.
 * Arguments: the write's name, the value, ms, how many to keep, the number that the entry must come after or '', and '1'
 * when it is the last or ''. The last has a third field. Answers 0 after it, and when the log is further than was said.
 */
export const append: Script = script(`
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local seq = newest and tonumber(string.match(newest[1], '^%d+')) or 0
if newest and newest[2][1] == ARGV[1] then return seq end
if newest and newest[2][3] then return 0 end
if ARGV[5] ~= '' then
  if seq > tonumber(ARGV[5]) then return 0 end
  seq = tonumber(ARGV[5])
end
local entry = { string.format('%.0f-0', seq + 1), ARGV[1], ARGV[2] }
if ARGV[6] == '1' then entry[4], entry[5] = 'last', '' end
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[4], unpack(entry))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return seq + 1`)

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'holder', 'until', 'fence')
local mine = held[1] == ARGV[1] and tonumber(held[2]) > now`

/** How long the fence of a lock is remembered that nobody takes, in ms. Longer than anybody holds on to an old one. */
const remembered = 24 * 60 * 60_000

/**
 * Takes a lock. Arguments: the holder, ms. Answers its fence, or 0 while someone else holds it. A fence begins with the
 * time, so that it grows though the server lost what it held.
 */
export const lock: Script = script(`${now}
if held[1] and tonumber(held[2]) > now and not mine then return 0 end
if mine then return tonumber(held[3]) end
local fence = math.max(tonumber(held[3] or 0) + 1, time[1] * 1000000 + time[2])
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]), 'fence', string.format('%.0f', fence))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ${remembered}))
return fence`)

/** Extends a lock. Arguments: the holder, ms. */
export const renew: Script = script(`${now}
if not mine then return 0 end
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ${remembered}))
return 1`)

/** Gives a lock back. Argument: the holder. */
export const release: Script = script(`${now}
if mine then redis.call('HDEL', KEYS[1], 'holder', 'until') end
return 1`)
