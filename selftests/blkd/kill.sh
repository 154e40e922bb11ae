#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# SIGKILL under verified load, 52 times: the next server takes over what the
# dead one had accepted. The disk sees a pause, no error and no wrong byte.

# shellcheck source=selftests/blkd/lib.bash
. "$(dirname "$0")/lib.bash"

xseg create "$seg" --heap 64M || exit 1
rounds=13

killed()	# SERVER-ARG...
{
	local i
	serve "$@" --create --size 32M || return
	"$client" verify "$seg" 0 --queues 2 --seconds 600 --stall 60 >"$dir/disk" 2>&1 & disk=$!
	for ((i = 0; i < rounds; i++)); do
		sleep 0.0$((RANDOM % 9 + 1))
		kill -0 $disk || break	# it has found something wrong
		kill -KILL $server
		wait $server 2>/dev/null
		serve "$@" || return
	done
	kill -TERM $disk
	ends 60 $disk 0 || { sed 's/^/# /' "$dir/disk"; i=0; }
	stop && [ $i = $rounds ]
}

for type in futex eventfd; do
	for how in '' --direct; do
		rm -f "$img"
		# shellcheck disable=SC2086 # none or one word
		killed "file:$img" --queues 2 --type $type $how 2>/dev/null || { kill -KILL $server $disk; false; }
		ok "$type ${how:-buffered}: $rounds servers killed, all right"
	done
done

# a standby that waits for the file takes over at once
serve "file:$img"; first=$server
"$client" verify "$seg" 0 --seconds 600 --stall 60 >"$dir/disk" 2>&1 & disk=$!
serve_only "file:$img"; second=$server
until_true 20 grep -q waiting "$dir/server.err"; ok "a standby waits"
kill -KILL $first; wait $first 2>/dev/null
flows 0 && kill -TERM $disk && ends 60 $disk 0; ok "and takes over when the first is killed"
server=$second; stop; ok "ends"
succeeds xseg destroy "$seg"; ok "nobody is left in the segment"
finish
