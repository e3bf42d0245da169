-- Sends the requests of a file in their order, again and again, and says how that went.
-- Each line is a path, then names and values of headers, with tabs in between.

local threads = {}

function setup (thread)
  table.insert(threads, thread)
end

function init (args)
  requests = {}
  sent = 0
  for line in io.lines(args[1]) do
    local words = {}
    for word in string.gmatch(line, '[^\t]+') do table.insert(words, word) end
    local headers = { Host = wrk.headers['Host'] }
    for index = 2, #words, 2 do headers[words[index]] = words[index + 1] end
    table.insert(requests, wrk.format('GET', words[1], headers))
  end
end

function request ()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done (summary, latency)
  local errors = summary.errors
  io.write(string.format('\n{"requests":%d,"micros":%d,"sent":%d,"failed":%d}\n',
    summary.requests, summary.duration, threads[1]:get('sent'), errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
