-- GCRA on several providers and on the whole at once: see rate.py.
-- KEYS[1]: hash of provider -> the time (µs) at which its next message is due (theoretical arrival time); '*' is the whole.
-- ARGV: quantum (µs), µs a message of the whole (0: no limit), then of each provider its name, µs a message
-- (0: no limit) and how many messages are wanted.
-- Returns the µs to wait for more (0: all was granted), then how many messages each provider is granted.
local clock = redis.call('TIME')
local now, quantum = clock[1] * 1000000 + clock[2], tonumber(ARGV[1])
local names, step, wanted = {'*'}, {tonumber(ARGV[2])}, {0}
for i = 3, #ARGV, 3 do
  names[#names + 1], step[#step + 1], wanted[#wanted + 1] = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
end
local tat, known = {}, redis.call('HMGET', KEYS[1], unpack(names))
local function room(i)
  local ahead = math.max(quantum, step[i])
  tat[i] = math.min(math.max(tonumber(known[i]) or now, now), now + ahead)
  return math.floor((now + ahead - tat[i]) / step[i] + 0.000001)
end

local granted, sum = {}, 0
for i = 2, #names do
  granted[i] = step[i] > 0 and math.min(wanted[i], room(i)) or wanted[i]
  sum = sum + granted[i]
end

-- The whole cannot give all: to each in proportion, and what rounding leaves from a place that moves.
local all = step[1] > 0 and math.min(sum, room(1)) or sum
if all < sum then
  local left, most = all, {}
  for i = 2, #names do
    most[i] = granted[i]
    granted[i] = math.floor(most[i] * all / sum)
    left = left - granted[i]
  end
  local i = now % (#names - 1)
  while left > 0 do
    i = i % (#names - 1) + 1
    if granted[i + 1] < most[i + 1] then
      granted[i + 1], left = granted[i + 1] + 1, left - 1
    end
  end
end

granted[1] = all
local last, fields = now, {}
for i = 1, #names do
  if step[i] > 0 then
    tat[i] = tat[i] + granted[i] * step[i]
    last = math.max(last, tat[i])
    fields[#fields + 1], fields[#fields + 2] = names[i], string.format('%.0f', tat[i])
  end
end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('PEXPIRE', KEYS[1], math.ceil((last - now) / 1000) + 60000)

-- The time until half a quantum of what is missing can begin, in the provider and in the whole.
local function wait(i, missing)
  if step[i] == 0 then return 0 end
  local ahead = math.max(quantum, step[i])
  local some = math.min(missing, math.max(1, math.floor(ahead / step[i] / 2)))
  return math.max(0, tat[i] + some * step[i] - ahead - now)
end
local soonest, answer = nil, {0}
for i = 2, #names do
  answer[i] = granted[i]
  if granted[i] < wanted[i] then
    local missing = wanted[i] - granted[i]
    local needed = math.max(wait(i, missing), wait(1, missing), 1)
    soonest = math.min(soonest or needed, needed)
  end
end
answer[1] = math.ceil(soonest or 0)
return answer
