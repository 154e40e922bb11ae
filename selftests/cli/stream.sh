#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=240
#
# xseg send, recv and pipe: data arrive whole, by all types.

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/lib.bash"

types=(futex eventfd)
[ -e "$build/plugins/xseg-signal-fifo.so" ] && types+=(fifo)
mb=50
[ "${XSEG_VARIANT:-release}" = release ] || mb=10

sum_of() { sha256sum "$1" | cut -d' ' -f1; }

# transfer FILE SEND-OPTIONS... [: RECV-OPTIONS...]
transfer()
{
	local file=$1 opts=() receiver
	shift
	while [ $# -gt 0 ] && [ "$1" != : ]; do
		opts+=("$1")
		shift
	done
	shift
	rm -f "$dir/got"
	xseg recv "$seg" 1 "$@" >"$dir/got" 2>"$dir/recv.err" & receiver=$!
	xseg send "$seg" 1 "${opts[@]}" <"$file" >"$dir/out" 2>"$dir/err" || {
		echo "# send: exit status $?"
		kill $receiver
		return 1
	}
	ends 10 $receiver 0 || { cp "$dir/recv.err" "$dir/err"; return 1; }
	cmp "$file" "$dir/got"
}

head -c $((mb << 20)) /dev/urandom >"$dir/big"
head -c 12345 /dev/urandom >"$dir/small"
: >"$dir/empty"
xseg create "$seg" || exit 1

for type in "${types[@]}"; do
	transfer "$dir/big" --type "$type" --stats "$dir/send.json" : \
		--type "$type" --stats "$dir/recv.json"; ok "$type: $mb MB"
	[ "$(sum_of "$dir/big")" = "$(sum_of "$dir/got")" ]; ok "$type: sums"
	json_is "$dir/send.json" "j['bytes'] == $mb << 20 and j['command'] == 'send' and j['seconds'] > 0
		and j['requests'] >= $mb * 8 and j['signals_sent'] + j['signals_elided'] >= j['requests']"
	ok "$type: send --stats"
	json_is "$dir/recv.json" "j['bytes'] == $mb << 20 and j['command'] == 'recv'"; ok "$type: recv --stats"
done
transfer "$dir/small" --type futex : --type eventfd; ok "another type on each side"
transfer "$dir/empty" :; ok "an empty stream"
transfer "$dir/small" --block 1 --depth 1 :; ok "one byte at a time"
transfer "$dir/big" --block 1M --depth 3 :; ok "3 requests of 1 MiB"
transfer "$dir/big" --block 1G --depth 65536 :; ok "more than the segment has"
xseg destroy "$seg" && xseg create "$seg"; ok "destroy and create"	# that heap is now cut in 1 MiB pieces
transfer "$dir/small" --json : --json; ok "--json"
is_json "$dir/err" && is_json "$dir/recv.err"; ok "the summaries are JSON"
transfer "$dir/small" --quiet : --quiet; ok "--quiet"
[ ! -s "$dir/err" ] && [ ! -s "$dir/recv.err" ]; ok "nothing is said"
transfer "$dir/small" :; ok "neither"
grep -q 'signals: ' "$dir/err" && grep -q 'signals: ' "$dir/recv.err"; ok "the summaries are text"

# pipes on both ends, slow and quick
xseg recv "$seg" 1 --quiet >"$dir/got" & receiver=$!
for _ in {1..20}; do echo line; sleep 0.02; done | xseg send "$seg" 1 --quiet
wait $receiver; yes line | head -20 | cmp - "$dir/got"; ok "a slow writer"
xseg recv "$seg" 1 --quiet | sha256sum >"$dir/got" & receiver=$!
# shellcheck disable=SC2002 # a pipe is wanted
cat "$dir/big" | xseg send "$seg" 1 --quiet
wait $receiver; [ "$(cut -d' ' -f1 "$dir/got")" = "$(sum_of "$dir/big")" ]; ok "pipes on both ends"

# progress: half a second after the first part was sent there is some to be seen
before=$(xseg ports "$seg" --all --json | python3 -c "import json, sys
print([p['submitted'] for p in json.load(sys.stdin) if p['port'] == 1][0])")
xseg recv "$seg" 1 >/dev/null 2>"$dir/recv.err" & receiver=$!
{ cat "$dir/small"; until_true 60 port_is 1 "p['submitted'] > $before"; sleep 0.5; cat "$dir/small"; } |
	xseg send "$seg" 1 --progress 2>"$dir/err"
wait $receiver
[ "$(grep -c 'MiB/s' "$dir/err")" -ge 2 ]; ok "send --progress"
[ "$(grep -c 'MiB/s' "$dir/recv.err")" = 1 ]; ok "no progress where there is no terminal"

# a chain of three, and of four
xseg recv "$seg" 2 >"$dir/got" 2>"$dir/recv.err" & receiver=$!
xseg pipe "$seg" 1 2 --stats "$dir/pipe.json" -- gzip -1 & middle=$!
xseg send "$seg" 1 --quiet <"$dir/big"; ok "send to a pipe"
ends 60 $middle 0; ok "pipe ends"
ends 10 $receiver 0; ok "recv ends"
gunzip -c <"$dir/got" | cmp - "$dir/big"; ok "what came, unpacked, is what was sent"
json_is "$dir/pipe.json" "j['bytes'] == $mb << 20 and j['bytes_out'] == $(stat -c %s "$dir/got")"
ok "pipe --stats"
xseg recv "$seg" 3 --quiet >"$dir/got" & receiver=$!
xseg pipe "$seg" 2 3 --quiet gzip -dc & second=$!
xseg pipe "$seg" 1 2 --quiet --type eventfd -- gzip -1 & middle=$!
xseg send "$seg" 1 --quiet <"$dir/big"; ok "send to two pipes"
wait $middle $second $receiver
cmp "$dir/got" "$dir/big"; ok "four peers"

# several streams at once, each to its own port
for i in 1 2 3 4; do
	xseg recv "$seg" $i --quiet >"$dir/got.$i" & pids[i]=$!
	xseg send "$seg" $i --quiet <"$dir/big" & pids[i + 4]=$!
done
wait "${pids[@]}"
same=0
for i in 1 2 3 4; do cmp "$dir/got.$i" "$dir/big" && same=$((same + 1)); done
[ $same = 4 ]; ok "four streams at once"

# standard descriptors that are closed
xseg recv "$seg" 1 --quiet >/dev/null 2>&1 & receiver=$!
xseg send "$seg" 1 <&- 2>"$dir/err"; [ $? = 1 ]; ok "send: standard input is closed"
grep -q 'reading:' "$dir/err"; ok "and it is said"
ends 10 $receiver 1; ok "recv knows that the stream is not whole"

# a segment with very little room
xseg destroy "$seg"
xseg create "$seg" --heap 256K --max-data 4K --queue 2 --requests 8 || exit 1
transfer "$dir/small" :; ok "a small segment"
xseg peers "$seg" --json >"$dir/out" && json_is "$dir/out" "not any(p['alive'] for p in j)"
ok "no peer is left"
xseg destroy "$seg"; ok "and it can be destroyed"
finish
