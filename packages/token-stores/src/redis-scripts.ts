import { script, type Script } from './redis-client.ts'

/** A version has this many characters, and comes before the record in what is stored. */
export const versionLength = 22

/*
 * Each works in one hash slot, so that a cluster finds it in one place. A client that reconnects may send a command again
 * that was already carried out: the second time changes nothing and answers the same.
 */

/** Compare and set. Arguments: the grant's name, the expected version or '', the new version, the record, a lifetime in ms or ''. */
export const save: Script = script(`
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local version = stored and string.sub(stored, 1, ${versionLength}) or ''
if version == ARGV[3] then return 1 end
if version ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ARGV[4])
if ARGV[5] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return 1`)

/** Compare and delete. Arguments: the grant's name, the expected version or ''. */
export const remove: Script = script(`
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored or (ARGV[2] ~= '' and string.sub(stored, 1, ${versionLength}) ~= ARGV[2]) then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])`)

/**
 * Takes a lease if the grant is in the version that was seen. Keys: of the lease, of the owner's grants. Arguments: the
 * holder, ms, the grant's name, the version or ''. Answers 1, 0 while someone else holds it, or 2 and what is stored.
 */
export const take: Script = script(`
local stored = redis.call('HGET', KEYS[2], ARGV[3])
if (stored and string.sub(stored, 1, ${versionLength}) or '') ~= ARGV[4] then return { 2, stored } end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return { 0 } end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { 1 }`)

/** Takes or extends a lease. Arguments: the holder, ms. */
export const hold: Script = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

/** Gives a lease back. Argument: the holder. */
export const release: Script = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)
