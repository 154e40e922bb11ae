#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# xseg wait, signal and ping.

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/lib.bash"

types=(futex eventfd)
[ -e "$build/plugins/xseg-signal-fifo.so" ] && types+=(fifo)

fails 1 "no segment '$seg'" xseg wait "$seg" 1; ok "wait: no segment"
fails 1 "no segment '$seg'" xseg signal "$seg" 1; ok "signal: no segment"
fails 1 "no segment '$seg'" xseg ping "$seg"; ok "ping: no segment"
xseg create "$seg" --ports 16 || exit 1

fails 1 'no port 16' xseg wait "$seg" 16; ok "wait: port out of range"
fails 1 'no port 16' xseg signal "$seg" 16; ok "signal: port out of range"
fails 2 'PORT' xseg wait "$seg" 65536; ok "wait: no such number of a port"
fails 2 'PORT' xseg wait "$seg" 1x; ok "wait: no number"
fails 2 'PORT' xseg signal "$seg" -- -1; ok "signal: a negative number"
fails 2 'missing' xseg wait "$seg"; ok "wait: no port"
fails 2 '--timeout' xseg wait "$seg" 1 --timeout soon; ok "wait: no time"
fails 1 'nobody is bound' xseg signal "$seg" 1; ok "signal: nobody is bound"
fails 3 'nobody waited' xseg signal "$seg" 1 --wait 0.1; ok "signal --wait: nobody comes"
fails 3 'no signal came' xseg wait "$seg" 1 --timeout 0.1; ok "wait --timeout"
fails 1 'nonesuch' xseg wait "$seg" 1 --type nonesuch; ok "wait: unknown type"
grep -q eventfd "$dir/err"; ok "and which there are is said"
fails 1 'signal type' xseg wait "$seg" 1 --type ../x; ok "wait: a bad name of a type"
fails 1 'signal type' xseg wait "$seg" 1 --type "$(printf 'x%.0s' {1..40})"; ok "wait: a long name of a type"
succeeds xseg ports "$seg" --json && json_is "$dir/out" "not any(p['bound'] for p in j)"
ok "no port stays bound"

for type in "${types[@]}"; do
	xseg wait "$seg" 1 --type "$type" --json >"$dir/wait" & waiter=$!
	succeeds xseg signal "$seg" 1 --wait 10 --json; ok "$type: signal"
	json_is "$dir/out" "j['port'] == 1 and j['woken']"; ok "$type: it woke somebody"
	ends 5 $waiter 0; ok "$type: wait ends"
	json_is "$dir/wait" "j['port'] == 1 and not j['reaped'] and j['seconds'] < 10"
	ok "$type: and says so"
done

xseg wait "$seg" 1 >"$dir/wait" & waiter=$!
until_true 10 bound 1
fails 1 'taken by a live peer' xseg wait "$seg" 1; ok "wait: the port is taken"
kill -TERM $waiter
ends 5 $waiter 143; ok "SIGTERM ends wait"
run timeout --preserve-status -s INT 0.3 xseg wait "$seg" 1
[ $rc = 130 ]; ok "SIGINT ends wait"
xseg wait "$seg" 1 --timeout 600 & waiter=$!
until_true 10 asleep 1; ok "and its port is free"
kill -KILL $waiter; wait $waiter 2>/dev/null
run xseg signal "$seg" 1
cat "$dir/out" "$dir/err" | grep -qE 'dead|nobody'; ok "signal to a dead owner"
xseg reap "$seg" >/dev/null
fails 1 'nobody is bound' xseg signal "$seg" 1; ok "signal after the reap"

# ping
for type in "${types[@]}"; do
	for mode in request signal; do
		succeeds xseg ping "$seg" --type "$type" --mode $mode --count 1000 --json
		ok "ping: $type, by $mode"
		json_is "$dir/out" "j['count'] == 1000 and j['type'] == '$type' and j['mode'] == '$mode'
			and 0 < j['latency_us']['p50'] <= j['latency_us']['p99'] <= j['latency_us']['max']"
		ok "ping: $type, by $mode: figures"
	done
done
for strategy in adaptive sleep yield spin; do
	succeeds xseg ping "$seg" --strategy $strategy --count 500 --size 4K
	ok "ping --strategy $strategy"
	grep -q "strategy $strategy" "$dir/out" && grep -q 'p99.9 ' "$dir/out"; ok "and its figures"
done
cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
cpu=${cpus%%[-,]*}	# the first that we may use
succeeds xseg ping "$seg" --cpus "$cpu,$cpu" --count 500; ok "ping --cpus, one CPU for both"
succeeds xseg ping "$seg" --size 0 --count 500; ok "ping --size 0"
fails 1 '--size' xseg ping "$seg" --size 2M --count 10; ok "ping: too large a payload"
fails 2 '--strategy' xseg ping "$seg" --strategy none; ok "ping: unknown strategy"
fails 2 '--mode' xseg ping "$seg" --mode none; ok "ping: unknown mode"
fails 2 '--count' xseg ping "$seg" --count 0; ok "ping: no round trips"
fails 1 'CPU 1000' xseg ping "$seg" --cpus 1000; ok "ping: no such CPU"
fails 2 'exclude' xseg ping "$seg" --serve --to 1; ok "ping: --serve and --to"
fails 1 'nonesuch' xseg ping "$seg" --type nonesuch; ok "ping: unknown type"

# bound_ports N: so many; a client binds one when it has found the echo side
bound_ports()
{
	xseg ports "$seg" --json >"$dir/ports" && json_is "$dir/ports" "sum(p['bound'] for p in j) == $1"
}

xseg ping "$seg" --serve --port 7 --type eventfd >"$dir/serve" & server=$!
until_true 10 bound 7; ok "ping --serve"
grep -q '^port 7$' "$dir/serve"; ok "says its port"
succeeds xseg ping "$seg" --to 7 --count 500; ok "ping --to, another type on each side"
xseg ping "$seg" --to 7 --count 10000000 >"$dir/client" 2>&1 & client=$!
xseg ping "$seg" --to 7 --mode signal --count 10000000 >"$dir/client2" 2>&1 & client2=$!
until_true 60 bound_ports 3; ok "both clients have begun"
kill -KILL $server; wait $server 2>/dev/null
ends 10 $client 1; ok "ping: the echo side is killed"
ends 10 $client2 1; ok "ping by signals: the echo side is killed"
grep -qE 'died|left|nobody' "$dir/client"; ok "and it is said"
xseg ping "$seg" --serve --port 7 >/dev/null & server=$!
until_true 10 bound 7
xseg ping "$seg" --to 7 --mode signal --count 10000000 >/dev/null 2>&1 & client=$!
until_true 60 bound_ports 2; ok "another one has begun"
kill -KILL $client; wait $client 2>/dev/null
succeeds timeout 20 xseg ping "$seg" --to 7 --count 100; ok "the echo side outlives a killed client"
kill -TERM $server
ends 5 $server 0; ok "SIGTERM ends the echo side"
succeeds xseg peers "$seg" --json && json_is "$dir/out" "not any(p['alive'] for p in j)"
ok "no peer is left"
finish
