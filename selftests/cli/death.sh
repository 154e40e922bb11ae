#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# xseg send, recv and pipe when the other side is missing, dies or fails: a
# clear error in time, never a hang, never a success.

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/lib.bash"

xseg create "$seg" --ports 16 || exit 1
head -c 3000000 /dev/urandom >"$dir/data"

# Pipes that nobody reads or writes, but that are open.
mkfifo "$dir/unread" "$dir/unwritten"
exec 7<>"$dir/unread" 8<>"$dir/unwritten"

# Data for as long as somebody reads them, at a pace.
endless() { while cat "$dir/data"; do sleep 0.01; done 2>/dev/null; }

fails 3 'nobody is bound to port 1' xseg send "$seg" 1 --wait 0.1; ok "send: no receiver"
grep -q "xseg recv $seg 1" "$dir/err"; ok "and what to do is said"
fails 1 'no port 99' xseg send "$seg" 99; ok "send: port out of range"
fails 1 'no port 99' xseg recv "$seg" 99; ok "recv: port out of range"
fails 1 'no port 99' xseg pipe "$seg" 99 1 cat; ok "pipe: port out of range"
fails 2 'same port' xseg pipe "$seg" 1 1 cat; ok "pipe to itself"
fails 2 'needed' xseg pipe "$seg" 1 2; ok "pipe without command"
fails 2 'needed' xseg pipe "$seg" 1 2 --; ok "pipe without command after --"
fails 3 'no stream came' xseg recv "$seg" 1 --wait 0.1; ok "recv --wait"
fails 3 'nobody is bound to port 2' xseg pipe "$seg" 1 2 --wait 0.1 cat; ok "pipe: no receiver"
fails 2 '--block' xseg send "$seg" 1 --block 0; ok "send --block 0"
fails 2 '--depth' xseg send "$seg" 1 --depth 0; ok "send --depth 0"
fails 1 'nonesuch' xseg recv "$seg" 1 --type nonesuch; ok "recv: unknown type"

# the receiver is killed: data under way, waiting for room, waiting for data
for type in futex eventfd; do
	xseg recv "$seg" 1 --type $type >/dev/null 2>&1 & receiver=$!
	endless | xseg send "$seg" 1 --type $type >/dev/null 2>"$dir/err" & sender=$!
	flows 1
	kill -KILL $receiver; wait $receiver 2>/dev/null
	ends 10 $sender 1; ok "$type: the receiver is killed"
	grep -qE 'died|left|nobody' "$dir/err"; ok "$type: send says so"
done
xseg recv "$seg" 1 --quiet >"$dir/unread" & receiver=$!
xseg send "$seg" 1 </dev/zero >/dev/null 2>"$dir/err" & sender=$!
flows 1
sleep 1
kill -0 $sender; ok "a receiver whose output nobody reads holds the sender up"
kill -KILL $receiver; wait $receiver 2>/dev/null
ends 10 $sender 1; ok "it is killed while the sender waits for room"
grep -q 'died' "$dir/err"; ok "send says so"

# the receiver is stopped, not dead
xseg recv "$seg" 1 --quiet >"$dir/got" & receiver=$!
until_true 10 bound 1
kill -STOP $receiver
xseg send "$seg" 1 --quiet <"$dir/data" & sender=$!
sleep 2.5
kill -0 $sender; ok "a stopped receiver is waited for"
kill -CONT $receiver
ends 10 $sender 0; ok "send ends when it goes on"
ends 10 $receiver 0 && cmp "$dir/data" "$dir/got"; ok "and nothing was lost"

# the sender is killed
xseg recv "$seg" 1 >/dev/null 2>"$dir/err" & receiver=$!
xseg send "$seg" 1 --quiet < <(endless) & sender=$!
flows 1
kill -KILL $sender; wait $sender 2>/dev/null
ends 10 $receiver 1; ok "the sender is killed"
grep -q 'the sender died' "$dir/err"; ok "recv says so"
# while it waits for data
xseg recv "$seg" 1 >"$dir/got" 2>"$dir/err" & receiver=$!
xseg send "$seg" 1 --quiet <"$dir/unwritten" & sender=$!
echo hello >&8
until_true 10 grep -q hello "$dir/got"; ok "what was sent is there at once"
kill -KILL $sender; wait $sender 2>/dev/null
ends 10 $receiver 1; ok "the sender is killed while it waits for data"

# the sender is told to stop
xseg recv "$seg" 1 >/dev/null 2>"$dir/err" & receiver=$!
xseg send "$seg" 1 --quiet < <(endless) & sender=$!
flows 1
kill -TERM $sender
ends 5 $sender 143; ok "SIGTERM to send"
ends 5 $receiver 1; ok "ends recv"
grep -q 'gave up' "$dir/err"; ok "which says so"

# the receiver is told to stop
xseg recv "$seg" 1 >/dev/null 2>&1 & receiver=$!
endless | xseg send "$seg" 1 >/dev/null 2>"$dir/err" & sender=$!
flows 1
kill -TERM $receiver
ends 5 $receiver 143; ok "SIGTERM to recv"
ends 5 $sender 1; ok "ends send"
grep -qE 'left|nobody' "$dir/err"; ok "which says so"

# the reader of recv's output goes away
{ xseg recv "$seg" 1 2>"$dir/recv.err"; echo $? >"$dir/recv.rc"; } | head -c 1000 >/dev/null & receiver=$!
endless | xseg send "$seg" 1 >/dev/null 2>"$dir/err" & sender=$!
ends 10 $sender 1; ok "the output of recv is closed: send"
grep -q 'output closed' "$dir/err"; ok "says so"
ends 10 $receiver 0; ok "head ends"
[ "$(cat "$dir/recv.rc")" = 1 ] && grep -q 'closed' "$dir/recv.err"; ok "and recv says so"

# the output is full
xseg recv "$seg" 1 >/dev/full 2>"$dir/recv.err" & receiver=$!
xseg send "$seg" 1 <"$dir/data" 2>"$dir/err"; [ $? = 1 ] && grep -q 'no space' "$dir/err"
ok "the receiver's disk is full: send says so"
ends 10 $receiver 1 && grep -qi 'no space' "$dir/recv.err"; ok "and recv"

# a second sender to the same port
xseg recv "$seg" 1 --quiet >/dev/null 2>&1 & receiver=$!
xseg send "$seg" 1 --quiet < <(endless) & sender=$!
flows 1
fails 1 'another stream' xseg send "$seg" 1; ok "a second stream to the port is refused"
kill -0 $sender && kill -0 $receiver; ok "the first goes on"
kill -TERM $sender; wait $sender $receiver 2>/dev/null

# send to what is no receiver
xseg ping "$seg" --serve --port 5 >/dev/null & server=$!
until_true 10 bound 5
fails 1 'takes no streams' xseg send "$seg" 5; ok "send to an echo side"
kill -TERM $server; wait $server
xseg recv "$seg" 5 --quiet >/dev/null & receiver=$!
fails 1 'no echo side' xseg ping "$seg" --to 5 --count 10; ok "ping to a receiver"
xseg send "$seg" 5 --quiet <"$dir/data"; ok "which takes a stream all the same"
ends 10 $receiver 0; ok "and ends"

# pipe: the command fails, is missing, is killed, reads little
run_pipe()	# STATUS-OF-PIPE STATUS-OF-RECV COMMAND...
{
	local want=$1 want_recv=$2 receiver middle
	shift 2
	xseg recv "$seg" 3 --quiet >"$dir/got" 2>"$dir/recv.err" & receiver=$!
	xseg pipe "$seg" 1 3 -- "$@" 2>"$dir/err" & middle=$!
	xseg send "$seg" 1 --quiet --wait 5 <"$dir/data" 2>"$dir/send.err"
	send_rc=$?
	ends 10 $middle "$want" || return
	ends 10 $receiver "$want_recv"
}
run_pipe 0 0 cat && cmp "$dir/data" "$dir/got"; ok "pipe: cat"
run_pipe 7 1 sh -c 'cat; exit 7'; ok "pipe: the command ends with status 7"
grep -q 'status 7' "$dir/err" && grep -q 'gave up' "$dir/recv.err"; ok "and both say so"
run_pipe 1 1 false; ok "pipe: the command fails at once"
# 3: the pipe was gone before send saw it
[ $send_rc = 1 ] || [ $send_rc = 3 ]; ok "and send fails"
run_pipe 143 1 sh -c 'kill -TERM $$'; ok "pipe: the command is killed"
run_pipe 0 0 head -c 1000; ok "pipe: the command reads only a part"
[ "$(stat -c %s "$dir/got")" = 1000 ] && grep -q 'did not read all' "$dir/err"; ok "and it is said"
# the pipe tells who has a request there; else there is nobody to tell any more
[ $send_rc = 1 ] && grep -qE 'output closed|nobody is bound to port 1 any more' "$dir/send.err"
ok "send knows"
xseg recv "$seg" 3 --quiet >/dev/null 2>&1 & receiver=$!
until_true 10 bound 3
fails 127 'nonesuch-command' xseg pipe "$seg" 1 3 nonesuch-command; ok "pipe: no such command"
fails 126 '/dev/null' xseg pipe "$seg" 1 3 /dev/null; ok "pipe: not a command"
kill -TERM $receiver; wait $receiver

# pipe: its neighbours die
start_chain()
{
	xseg recv "$seg" 3 --quiet >/dev/null 2>"$dir/recv.err" & receiver=$!
	xseg pipe "$seg" 1 3 --quiet -- cat 2>"$dir/err" & middle=$!
	xseg send "$seg" 1 --quiet < <(endless) 2>"$dir/send.err" & sender=$!
	flows 3
}
start_chain; kill -KILL $receiver; wait $receiver 2>/dev/null
ends 10 $middle 1; ok "the receiver of a chain is killed: pipe ends"
ends 10 $sender 1; ok "and send"
start_chain; kill -KILL $sender; wait $sender 2>/dev/null
ends 10 $middle 1; ok "the sender of a chain is killed: pipe ends"
ends 10 $receiver 1; ok "and recv"
start_chain; kill -KILL $middle; wait $middle 2>/dev/null
ends 10 $sender 1; ok "the middle of a chain is killed: send ends"
ends 10 $receiver 1; ok "and recv"
start_chain; kill -TERM $middle
ends 10 $middle 143; ok "SIGTERM to the middle of a chain"
ends 10 $sender 1; ok "ends send"
ends 10 $receiver 1; ok "and recv"

succeeds xseg peers "$seg" --json && json_is "$dir/out" "not any(p['alive'] for p in j)"
ok "no peer is left"
xseg reap "$seg" >/dev/null
succeeds xseg destroy "$seg"; ok "and the segment can be destroyed"
finish
