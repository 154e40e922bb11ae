#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# The tracepoints, and what they say of an echo, of signals in all directions,
# of such as are elided, and of a segment that is damaged. Needs both modules
# loaded.

PATH=${XSEG_BUILD:-build/release}:$PATH
tracing=/sys/kernel/tracing
file=/dev/shm/xseg.trace-sh
nr=0 rc=0

ok()
{
	local status=$?
	nr=$((nr + 1))
	[ $status = 0 ] && echo "ok $nr - $1" && return
	echo "not ok $nr - $1"
	rc=1
}

start() { echo "$*" >/sys/kernel/debug/xseg_test/start; }

# has [-N] EVENT FIELDS: a line of it, or exactly N, that matches the pattern
has()
{
	local n= got
	[ "${1#-}" = "$1" ] || { n=${1#-}; shift; }
	got=$(grep -cE " xseg_$1: ino=$ino $2\$" "$tracing/trace")
	[ -n "$n" ] && [ "$got" = "$n" ] && return
	[ -z "$n" ] && [ "$got" -gt 0 ] && return
	echo "# $got lines have $1 $2; such events are:"
	grep " xseg_$1:" "$tracing/trace" | head -n 5 | sed 's/^/# /'
	return 1
}

# await COMMAND...: until it is true, some seconds at most
await()
{
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null && return
		sleep 0.05
	done
	"$@"
}

ended() { grep -q "^source port $1 .* ended" /sys/kernel/debug/xseg_test/stat; }
sleeps() { [ "$(xseg ports --json trace-sh | tr -d ' \n' | grep -oE "\"port\":$1,[^}]*\"waiters\":[0-9]+" | grep -oE '[0-9]+$')" != 0 ]; }

[ -d "$tracing/events/xseg" ] && [ -w /sys/kernel/debug/xseg_test/start ] || {
	echo "1..0 # SKIP no tracepoints, or no test peers"
	exit 4
}
trap 'echo 0 >"$tracing/events/xseg/enable"; start stop' EXIT
xseg destroy --force trace-sh 2>/dev/null
xseg create trace-sh && xseg attach trace-sh || exit 1
ino=$(stat -c %i "$file")

for event in bind release submit signal wake broken; do
	[ -e "$tracing/events/xseg/xseg_$event/format" ] || false
	ok "there is xseg_$event"
done

# Switched on, and off again, while no peer runs: see what selftests/vm/run says
# of qemu and of code that is patched.
start idle trace-sh 9
echo >"$tracing/trace"
echo 1 >"$tracing/events/xseg/enable"
echo 1 >"$tracing/tracing_on"

# two kernel peers
start echo trace-sh 1
start source trace-sh 2 1 50 1
await ended 2
ok "an echo"
has -1 bind 'peer=[0-9]+ port=1 desc=[0-9]+ gen=[0-9]+' && has -1 bind 'peer=[0-9]+ port=2 desc=[0-9]+ gen=[0-9]+'
ok "each port is bound once"
echo_peer=$(sed -n 's/.*xseg_bind:.* peer=\([0-9]*\) port=1 .*/\1/p' "$tracing/trace")
source_peer=$(sed -n 's/.*xseg_bind:.* peer=\([0-9]*\) port=2 .*/\1/p' "$tracing/trace")
echo_desc=$(sed -n 's/.*xseg_bind:.* port=1 desc=\([0-9]*\) .*/\1/p' "$tracing/trace")
has -50 submit "peer=$source_peer request=[0-9]+ port=2 dst=1"
ok "each request is submitted"
has signal "peer=$source_peer desc=$echo_desc from=kernel to=kernel type=waitqueue sent"
ok "a kernel peer signals another"
has wake "peer=$echo_peer gen=[0-9]+ wakes=1 direct=1"
ok "and wakes it"

# one that never waits
start source trace-sh 3 9 1 1
await has signal "peer=[0-9]+ desc=[0-9]+ from=kernel to=kernel type=waitqueue elided"
ok "a signal is elided"

# a process and a kernel peer, both directions
await sleeps 1
echo >"$tracing/trace"
xseg signal trace-sh 1 >/dev/null
await has signal "peer=-1 desc=$echo_desc from=user to=kernel type=waitqueue sent"
ok "a process signals a kernel peer"
has wake "peer=$echo_peer gen=[0-9]+ wakes=[0-9]+ direct=1"
ok "and wakes it"
# 'xseg wait' waits again and again: in between the signal is elided, and it
# finds the request
port=20
for type in futex eventfd; do
	for _ in 1 2 3 4 5; do
		xseg wait trace-sh "$port" --type $type --timeout 60 >/dev/null &
		await sleeps "$port"
		start source trace-sh $((port + 20)) "$port" 1 1
		wait $!
		port=$((port + 1))
		sleep 0.5	# it may have found the request before the signal
		has signal "peer=[0-9]+ desc=[0-9]+ from=kernel to=user type=$type sent" >/dev/null && break
	done
	has signal "peer=[0-9]+ desc=[0-9]+ from=kernel to=user type=$type sent"
	ok "a kernel peer signals a process by $type"
done

# by an eventfd
start echo:eventfd-bridge trace-sh 4
await sleeps 4
xseg bridge trace-sh 4 -- bash -c 'printf "\1\0\0\0\0\0\0\0" >&3'
await has signal "peer=-1 desc=[0-9]+ from=user to=kernel type=eventfd-bridge sent"
ok "a process writes to an eventfd"
has wake 'peer=[0-9]+ gen=[0-9]+ wakes=[0-9]+ direct=0'
ok "and no callback is run directly"

# the end
start stop
has -1 release "peer=$echo_peer port=1"
ok "a port is released"

# nonsense in all of the queues
! grep " xseg_broken:" "$tracing/trace" | sed 's/^/# /' | grep .
ok "nothing was broken so far"
start echo trace-sh 1
start source trace-sh 2 1 1000000000 8
cp "$file" /run/tmp/trace-sh.copy
head -c $(($(stat -c %s "$file") - 65536)) /dev/zero | tr '\0' '\377' |
	dd of="$file" bs=64k seek=1 conv=notrunc iflag=fullblock 2>/dev/null
await has broken 'peer=[0-9]+ what=(queue|port|request|pool|buffer)'
ok "damage is seen"
start stop
dd if=/run/tmp/trace-sh.copy of="$file" bs=64k conv=notrunc 2>/dev/null
rm -f /run/tmp/trace-sh.copy
echo >"$tracing/trace"
start echo trace-sh 5
await sleeps 5
truncate -s 4096 "$file"
start echo trace-sh 6 2>/dev/null
has -1 broken 'peer=-1 what=file'
ok "so is a file that was cut, once"

echo 0 >"$tracing/events/xseg/enable"
start stop
echo >"$tracing/trace"
xseg detach trace-sh
ok "detached"
xseg destroy --force trace-sh || rm -f "$file"
xseg create trace-sh && xseg attach trace-sh
start echo trace-sh 1
[ "$(grep -vc '^#' "$tracing/trace")" = 0 ]
ok "nothing is traced when it is off"
start stop
xseg detach trace-sh && xseg destroy trace-sh
ok "the end"

echo "1..$nr"
exit $rc
