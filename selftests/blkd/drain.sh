#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# SIGTERM under verified load: each server answers all that it accepted, the
# rest waits for the next one; the disk sees nothing but a pause.

# shellcheck source=selftests/blkd/lib.bash
. "$(dirname "$0")/lib.bash"

xseg create "$seg" --heap 64M || exit 1
rounds=5

# Port 0 comes first, and so do the sums of all queues.
accepted() { xseg ports "$seg" --all --json | sed -n "s|.*\"accepted\": *||p" | sed -n "1s|[^0-9].*||p"; }
answered() { tail -1 "$dir/server" | sed "s|.*\"event\": \"exit\"[^}]*\"requests\": \([0-9]*\).*|\1|"; }

drain()	# SERVER-ARG...
{
	local i sum
	sum=$(accepted)
	serve --json "$@" --create --size 32M || return
	"$client" verify "$seg" 0 --seconds 600 >"$dir/disk" 2>&1 & disk=$!
	for ((i = 0; i < rounds; i++)); do
		sleep 0.0$((RANDOM % 9 + 1))
		stop || return
		sum=$((sum + $(answered)))
		[ "$(accepted)" = $sum ] || {
			echo "# $(accepted) accepted, $sum answered"
			return 1
		}
		serve --json "$@"
	done
	kill -TERM $disk
	ends 60 $disk 0 || { cat "$dir/disk"; return 1; }
	stop
}

for type in futex eventfd; do
	for how in '' --direct; do
		rm -f "$img"
		# shellcheck disable=SC2086 # none or one word
		drain "file:$img" --type $type $how || { kill -KILL $server $disk; false; }
		ok "$type ${how:-buffered}: $rounds servers told to stop, nothing lost"
	done
done

# one that is not running: requests wait
serve mem:8M && stop; ok "a server has been there"
"$client" verify "$seg" 0 --count 100 --stall 60 >"$dir/disk" 2>&1 & disk=$!
until_true 20 port_is 0 "p['submitted'] > p['accepted']"; ok "requests wait in its port"
kill -0 $disk; ok "the disk waits"
serve mem:8M; ok "a new one comes"
ends 30 $disk 0; ok "and serves it"
stop; ok "ends"

# told to stop while it waits for the file
serve "file:$img"; first=$server
serve_only "file:$img" --port 3
until_true 20 grep -q waiting "$dir/server.err"; ok "a second server waits for the file, and says so"
kill -TERM $server
ends 10 $server 143; ok "until it is told to stop"
serve_only "file:$img" --port 3; second=$server
until_true 20 grep -q waiting "$dir/server.err"
server=$first; stop
until_true 20 bound 3; ok "or until the first one ends"
server=$second; stop; ok "ends"
succeeds xseg destroy "$seg"; ok "nobody is left in the segment"
finish
