#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# 'xseg bridge': programs that know nothing of segments wake a kernel peer. And
# the module's end with bridges: their eventfds outlive it, and do nothing more.
# Needs both modules where insmod or modprobe finds them, as unload.sh.

dir=${XSEG_MODULES:-$(dirname "$(find /lib/modules/"$(uname -r)" "${XSEG_SRC:-.}/build/modules/$(uname -r)" -name xseg_signal.ko 2>/dev/null | head -1)")}
rounds=${XSEG_UNLOADS:-16}
PATH=${XSEG_BUILD:-build/release}:$PATH
one='printf "\1\0\0\0\0\0\0\0" >&3'
nr=0 rc=0

ok()
{
	local status=$?
	nr=$((nr + 1))
	[ $status = 0 ] && echo "ok $nr - $1" && return
	echo "not ok $nr - $1"
	rc=1
}

load() { insmod "$dir/xseg_signal.ko" && insmod "$dir/xseg_test.ko"; }
start() { echo "$*" >/sys/kernel/debug/xseg_test/start; }

# says STATUS TEXT COMMAND...: it fails with STATUS and says TEXT
says()
{
	local status=$1 text=$2 said
	shift 2
	said=$("$@" 2>&1)
	[ $? = "$status" ] && case $said in *"$text"*) true ;; *) false ;; esac
}

# How often the counting peer was woken, and how often it began to wait
woken() { sed -n 's/^count port 1 done \([0-9]*\) .*/\1/p' /sys/kernel/debug/xseg_test/stat; }
waits() { sed -n 's/^count port 1 .* waits \([0-9]*\) .*/\1/p' /sys/kernel/debug/xseg_test/stat; }

# waited N: until it has begun to wait so often, 20 s at most
waited()
{
	local i
	for ((i = 0; i < 400; i++)); do
		[ "$(waits)" -lt "$1" ] || return
		sleep 0.05
	done
}

# Until it was not woken for half a second, 20 s at most
calm()
{
	local i still=0 before
	for ((i = 0; i < 200 && still < 5; i++)); do
		before=$(waits)
		sleep 0.1
		[ "$(waits)" = "$before" ] && still=$((still + 1)) || still=0
	done
}

# counts N TEXT COMMAND: it wakes the peer N times
counts()
{
	local n=$1 before begun
	before=$(woken)
	begun=$(waits)
	bash -c "$3" 3>&9 2>/dev/null
	waited $((begun + n))
	sleep 0.1
	[ $(($(woken) - before)) = "$n" ]
	ok "$2"
}

# What 'xseg bridge' runs below: it has the eventfd as descriptor 9
if [ "${1-}" = inner ]; then
	nr=$2
	export -f waits waited
	calm	# its end wakes all
	counts 1 "bash wakes the peer" "$one"
	counts 1 "python wakes the peer" \
		'python3 -c "import os; os.write(3, (1).to_bytes(8, \"little\"))"'
	counts 5 "again and again" "for i in 1 2 3 4 5; do n=\$(waits); $one; waited \$((n + 1)); done"
	counts 0 "half a number does not" 'printf "\1\0\0\0" >&3'
	counts 0 "nor does what is closed" "exec 3>&-; $one"
	exit $rc
fi

[ -e "$dir/xseg_test.ko" ] || { echo "1..0 # SKIP no modules in $dir"; exit 4; }
rmmod xseg_test 2>/dev/null
rmmod xseg_signal 2>/dev/null
xseg destroy --force bridge-sh 2>/dev/null
xseg create bridge-sh || exit 1

says 1 'not attached' xseg bridge bridge-sh 1 -- true ||
	says 1 'nobody is bound' xseg bridge bridge-sh 1 -- true
ok "no module"

load && xseg attach bridge-sh
says 1 'nobody is bound' xseg bridge bridge-sh 1 -- true
ok "nobody is bound"

start count:eventfd-bridge bridge-sh 1
start echo bridge-sh 2
says 1 'not woken by eventfd-bridge' xseg bridge bridge-sh 2 -- true
ok "a port of another type"

says 2 'are needed' xseg bridge bridge-sh 1
ok "no command"
says 2 '' xseg bridge bridge-sh 1 --fd 2 -- true
ok "not a standard descriptor"
says 127 'cannot run' xseg bridge bridge-sh 1 -- /nonexistent/program
ok "no such command"
says 126 'cannot run' xseg bridge bridge-sh 1 -- /etc/passwd
ok "not a command"
says 5 '' xseg bridge bridge-sh 1 -- bash -c 'exit 5'
ok "the command's status"

xseg bridge bridge-sh 1 --fd 9 -- "$0" inner $nr || rc=1
nr=$((nr + 5))

rmmod xseg_test && xseg detach bridge-sh && rmmod xseg_signal
ok "unloaded"

# Programs that hold eventfds of bridges and write to them all the time; every
# other time they may be about to start.
failed=0 writers=()
work=$(mktemp -d)
mkfifo "$work/begun"
exec 8<>"$work/begun"
for ((i = 0; i < rounds; i++)); do
	load && xseg attach bridge-sh || failed=1
	for port in 1 2 3; do
		kind=$(set -- echo work direct; echo "${!port}")
		start "$kind:eventfd-bridge" bridge-sh $port || failed=1
		xseg bridge bridge-sh $port -- bash -c "echo >&8; while :; do $one; done" 2>/dev/null &
		writers+=($!)
	done
	start source bridge-sh 4 1 1000000 8
	if ((i & 1)); then
		sleep 0.$((RANDOM % 5))
	else
		for port in 1 2 3; do
			read -r -t 30 -u 8 || failed=1
		done
	fi
	rmmod xseg_test && xseg detach bridge-sh || failed=1
	((i & 1)) || kill -0 "${writers[@]}" || failed=1
	# 'xseg bridge' may have the device open
	for ((j = 0; j < 100; j++)); do
		rmmod xseg_signal 2>/dev/null && break
		sleep 0.1
	done
	[ ! -e /sys/module/xseg_signal ] || failed=1
	sleep 0.05
	kill -KILL "${writers[@]}" 2>/dev/null
	wait "${writers[@]}" 2>/dev/null
	writers=()
	while read -r -t 0.01 -u 8; do :; done
	[ $failed = 0 ] || break
done
[ $failed = 0 ]
status=$?
rm -r "$work"
(exit $status)
ok "unloaded while programs write to bridges, $rounds times"

xseg info bridge-sh >/dev/null && xseg destroy bridge-sh
ok "the segment is whole after"

load
ok "loads again, for who comes next"

echo "1..$nr"
exit $rc
