-- Takes tokens from a bucket, of which nothing is stored but when it will be full again.
-- KEYS[1] the bucket; ARGV[1] how long the tokens take to come, ARGV[2] a bucket full of
-- them, in microseconds. Returns 0, or how many microseconds it is too early for them.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0)) + ARGV[1]
local early = full - now - ARGV[2]
if early > 0 then
	return early
end
-- As digits: Lua would write a number of this size with an exponent.
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1)
return 0
