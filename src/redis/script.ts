/** Incremented with each change that is incompatible with the keys of older processes. */
export const SCRIPT_VERSION = 1;

/** Values per claim in ARGV. */
const CLAIM_FIELDS = 16;

/**
 * `answerClaim` of `ledger/ledger.ts` in Lua, line by line, for many keys at once, plus the facts that all processes
 * share. A test compares the two. KEYS: workers, pauses, then one for each claim.
 */
export const SCRIPT = `
local HOUR, DAY = 3600000, 86400000
local REBUILD_BEATS, LIVE_BEATS, HORIZON_BEATS, LOST_BEATS = 3, 3.5, 2.2, 10
local MERGE_MS, SLIDING_GRACE_MS, RATE_LOST_MS = 3600000, 900000, 60000
local CHUNK_SHARE, HORIZON_SHARE, FLOOR_SHARE = 0.005, 0.1, 0.1
local max, min, floor = math.max, math.min, math.floor
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000)
local beat, self, version, number = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local at = 5
local function text(n) return string.format('%.0f', n) end

local function civil(days)
  local z = days + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400
  if month <= 2 then year = year + 1 end
  return year * 12 + month - 1
end
local function startOfMonth(count)
  local year, month = floor(count / 12), count % 12 + 1
  if month <= 2 then year = year - 1 end
  local era = floor(year / 400)
  local yoe = year - era * 400
  local doy = floor((153 * (month > 2 and month - 3 or month + 9) + 2) / 5)
  local doe = yoe * 365 + floor(yoe / 4) - floor(yoe / 100) + doy
  return (era * 146097 + doe - 719468) * DAY
end
local function windowOf(unit)
  if unit == 'hour' then return floor(now / HOUR) end
  if unit == 'day' then return floor(now / DAY) end
  if unit == 'month' then return civil(floor(now / DAY)) end
  return 0
end
local function startOf(unit, count)
  if unit == 'hour' then return count * HOUR end
  if unit == 'day' then return count * DAY end
  return startOfMonth(count)
end

local known = redis.call('HMGET', KEYS[1], 'e', 'v')
local fleet, theirs = known[1], tonumber(known[2] or '0')
if not fleet then
  fleet = time[1] .. '.' .. time[2] .. '.' .. self
  redis.call('HSET', KEYS[1], 'e', fleet)
end
if version > theirs then redis.call('HSET', KEYS[1], 'v', version) end
redis.call('PEXPIRE', KEYS[1], 70 * DAY)

local facts = {}
local wanted = ARGV[at] == '1'
at = at + 1
for pass = 1, 2 do
  local count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    local field, value = ARGV[at], tonumber(ARGV[at + 1])
    at = at + 2
    local before = tonumber(redis.call('HGET', KEYS[2], field) or '0')
    if pass == 1 then
      if now + value > before then redis.call('HSET', KEYS[2], field, text(now + value)) end
    elseif before > 0 and before <= value then
      redis.call('HDEL', KEYS[2], field)
    end
  end
end
if wanted then
  local all, longest = redis.call('HGETALL', KEYS[2]), 0
  for i = 1, #all, 2 do
    local left = tonumber(all[i + 1]) - now
    if left <= 0 then
      redis.call('HDEL', KEYS[2], all[i])
    else
      longest = max(longest, left)
      facts[#facts + 1] = { all[i], text(left), all[i + 1] }
    end
  end
  if longest > 0 then redis.call('PEXPIRE', KEYS[2], text(longest + 1000)) end
end

local NAMES = { 'seq', 'allowance', 'settled', 'next', 'seen', 'want', 'at', 'silent' }
local function read(key)
  local all = redis.call('HGETALL', key)
  if #all == 0 then return nil end
  local state = { workers = {} }
  for i = 1, #all, 2 do
    local field, value = all[i], all[i + 1]
    if string.sub(field, 1, 2) == 'w:' then
      local entry, n = {}, 1
      for each in string.gmatch(value, '%S+') do
        entry[NAMES[n]] = tonumber(each)
        n = n + 1
      end
      state.workers[string.sub(field, 3)] = entry
    elseif field == 'epoch' then
      state.epoch = value
    else
      state[field] = tonumber(value)
    end
  end
  return state
end
local function write(key, state, gone)
  local args = { 'epoch', state.epoch }
  for _, name in ipairs({ 'window', 'at', 'base', 'carry', 'rebuildUntil', 'wasRebuilt', 'seenMax' }) do
    args[#args + 1] = name
    args[#args + 1] = text(state[name])
  end
  for worker, entry in pairs(state.workers) do
    local values = {}
    for n, name in ipairs(NAMES) do values[n] = text(entry[name]) end
    args[#args + 1] = 'w:' .. worker
    args[#args + 1] = table.concat(values, ' ')
  end
  redis.call('HSET', key, unpack(args))
  for worker in pairs(gone) do
    if not state.workers[worker] then redis.call('HDEL', key, 'w:' .. worker) end
  end
end

local grants = {}
for index = 3, #KEYS do
  local key = KEYS[index]
  local function amount(offset) return tonumber(ARGV[at + offset]) end
  local limit, window, share, lost = amount(0), ARGV[at + 1], amount(2), ARGV[at + 3]
  local seq, ack, epoch, claimed = amount(4), amount(5), ARGV[at + 6], amount(7)
  local have, need, want, most = amount(8), amount(9), amount(10), amount(11)
  local settled, nextHave, seen, leaving = amount(12), amount(13), amount(14), ARGV[at + 15] == '1'
  at = at + ${CLAIM_FIELDS}
  local slide, isRate = tonumber(window), window == 'rate'
  local isCalendar = not slide and not isRate
  local gone = {}
  local state = read(key)
  if not state then
    local mark = 'k:' .. string.match(key, '[^:]*$')
    local until_ = tonumber(redis.call('HGET', KEYS[1], mark) or '0')
    local isLost = not isRate and (until_ > now or epoch ~= '')
    state = { epoch = time[1] .. '.' .. time[2] .. '.' .. index .. '.' .. self, window = windowOf(window), at = now,
      base = 0, carry = 0, rebuildUntil = isLost and now + REBUILD_BEATS * beat or 0, wasRebuilt = isLost and 1 or 0,
      seenMax = 0, workers = {} }
    if not isRate then
      local ends = slide and 2 * slide + SLIDING_GRACE_MS or startOf(window, state.window + 1) - now
      redis.call('HSET', KEYS[1], mark, text(now + ends))
      local some = redis.pcall('HRANDFIELD', KEYS[1], 3)
      if not some.err then
        for _, each in ipairs(some) do
          if string.sub(each, 1, 2) == 'k:' and tonumber(redis.call('HGET', KEYS[1], each)) < now then
            redis.call('HDEL', KEYS[1], each)
          end
        end
      end
    end
  end
  local found = state.workers[self]
  local isForeign = epoch ~= '' and epoch ~= state.epoch
  local isForgotten = epoch == state.epoch and (found and found.seq or 0) < ack
  if found and seq <= found.seq and not isForeign and not isForgotten then
    grants[#grants + 1] = {}
  else
    local gap = now - state.at
    if gap > LIVE_BEATS * beat then
      for _, entry in pairs(state.workers) do entry.at = entry.at + gap - beat end
    end
    state.at = max(state.at, now)
    if isForgotten then state.epoch = time[1] .. '.' .. time[2] .. '.' .. index .. '.' .. self end
    if (isForgotten or (isForeign and state.wasRebuilt == 0)) and not isRate then
      state.wasRebuilt = 1
      state.rebuildUntil = now + REBUILD_BEATS * beat
    end
    local function roll()
      local current = windowOf(window)
      if current <= state.window then return end
      state.window, state.base, state.carry, state.seenMax = current, state.carry, 0, 0
      for worker, entry in pairs(state.workers) do
        if entry.silent == 1 then
          gone[worker] = true
        else
          entry.allowance = max(0, entry.allowance - entry.settled) + entry.next
          entry.settled, entry.next, entry.seen, entry.silent = 0, 0, 0, 1
        end
      end
      for worker in pairs(gone) do state.workers[worker] = nil end
    end
    if claimed == -1 then
      roll()
      claimed = state.window
    end
    local isNew = isForeign or isForgotten or not found
    local entry = state.workers[self] or found
      or { seq = 0, allowance = 0, settled = 0, next = 0, seen = 0, want = 0, at = 0, silent = 0 }
    state.workers[self] = entry
    entry.seq, entry.at, entry.want, entry.silent = seq, now, want, 0
    if claimed == state.window then
      entry.allowance, entry.settled, entry.next, entry.seen = have, settled, nextHave, seen
    elseif isNew and claimed >= 0 then
      entry.allowance = max(entry.allowance, claimed < state.window and have - settled + nextHave or have)
    end
    roll()
    local function total()
      local sum = state.base
      for _, each in pairs(state.workers) do sum = sum + each.allowance end
      return sum
    end
    if state.rebuildUntil ~= 0 and now >= state.rebuildUntil then
      state.rebuildUntil = 0
      state.base = state.base + max(0, state.seenMax - total())
      state.seenMax = 0
    end
    if (isForeign or isForgotten) and claimed == state.window then
      if state.rebuildUntil > 0 then state.seenMax = max(state.seenMax, seen)
      else state.base = state.base + max(0, seen - total()) end
    end
    for worker, each in pairs(state.workers) do
      if worker ~= self then
        local silentMs = now - each.at
        if isRate then
          if silentMs > RATE_LOST_MS then gone[worker] = true end
        elseif slide then
          if silentMs > 2 * slide + SLIDING_GRACE_MS then gone[worker] = true end
        elseif silentMs > MERGE_MS then
          state.base = state.base + each.allowance
          state.carry = state.carry + max(0, each.allowance - each.settled) + each.next
          gone[worker] = true
        end
        if lost == 'return' and silentMs > LOST_BEATS * beat then
          each.allowance, each.next = min(each.allowance, each.settled), 0
        end
      end
    end
    for worker in pairs(gone) do if worker ~= self then state.workers[worker] = nil end end
    local live = 0
    for _, each in pairs(state.workers) do if now - each.at <= LIVE_BEATS * beat then live = live + 1 end end
    live = max(1, live)
    local allowance, outage, nextGrant = 0, 0, 0
    if isRate then
      local others, wants = 0, 0
      for _, each in pairs(state.workers) do
        wants = wants + each.want
        if each ~= entry then others = others + each.allowance end
      end
      local least = limit * FLOOR_SHARE / live
      local target = max(least, want + (limit - wants) / live)
      if wants > limit then target = max(least, min(want, least + limit * (1 - FLOOR_SHARE) * want / wants)) end
      allowance = max(0, floor(min(target, limit - others)))
      entry.allowance = max(have, allowance)
    elseif claimed ~= state.window then
      allowance = entry.allowance
    else
      local others, unsettled, horizon = state.base, 0, math.huge
      for _, each in pairs(state.workers) do
        if each.seen > 0 and now - each.at <= HORIZON_BEATS * beat then horizon = min(horizon, each.seen) end
        if each ~= entry then
          others = others + each.allowance
          unsettled = unsettled + max(0, each.allowance - each.settled) + each.next
        end
      end
      local left = limit - others - need
      local isScarce = left < 4 * live * most or horizon - others - need < live * most
      local chunk = isScarce and 0 or max(most, min(left / (2 * live), limit * CHUNK_SHARE))
      local normal = floor(min(want, need + chunk))
      local part = isScarce and 0 or floor(share * max(0, left - chunk) / live)
      local nextShare = slide and 0 or floor(share * limit / live)
      nextGrant = max(0, min(nextShare, limit - unsettled - max(0, entry.allowance - settled)))
      local carryRoom = limit - unsettled - max(entry.next, nextGrant) + settled
      local room = floor(min(limit - others, horizon - others, carryRoom))
      if state.rebuildUntil > 0 then room = min(room, have) end
      local forCalls = horizon < limit and floor(HORIZON_SHARE * limit / 2) or 0
      outage = max(0, min(part, room - normal - forCalls))
      allowance = max(0, min(normal, room) + outage, min(have, settled))
      entry.allowance = max(have, allowance)
      entry.next = max(entry.next, nextGrant)
    end
    local sum, spent, carried, unmet = total(), state.base, state.carry, 0
    for _, each in pairs(state.workers) do
      spent = spent + each.settled
      if now - each.at <= LIVE_BEATS * beat then unmet = unmet + max(0, each.want - each.allowance) end
      carried = carried + max(0, each.allowance - each.settled) + each.next
    end
    local slack = floor(max(HORIZON_SHARE * limit, 4 * most, 4 * unmet))
    local highest = max(sum, state.seenMax)
    local ends, length = -1, -1
    if isCalendar then
      local finish = startOf(window, state.window + 1)
      ends, length = finish - now, startOf(window, state.window + 2) - finish
    end
    grants[#grants + 1] = { state.epoch, text(state.window), text(ends), text(length), text(allowance), text(outage),
      text(nextGrant), text(spent), text(max(0, limit - sum)), text(max(highest, min(limit, highest + slack))),
      text(max(carried, min(limit, carried + slack))), text(live), text(max(0, state.rebuildUntil - now)) }
    if leaving then
      entry.want, entry.next = 0, 0
      if claimed == state.window then entry.allowance = have end
      if slide and have <= settled then entry.at = now - slide - SLIDING_GRACE_MS end
      if isRate then
        gone[self] = true
      elseif not slide and claimed == state.window and have <= settled then
        state.base = state.base + settled
        gone[self] = true
      end
      if gone[self] then state.workers[self] = nil end
    end
    write(key, state, gone)
    local ttl = 600000
    if slide then ttl = 2 * slide + SLIDING_GRACE_MS + 60000 elseif isCalendar then ttl = ends + length + HOUR end
    redis.call('PEXPIRE', key, text(ttl))
  end
end
return { fleet, text(max(version, theirs)), facts, grants, self .. ' ' .. number }
`;
