#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# xseg-blkd serves: each operation, right and wrong, and verified random I/O,
# for each back end, signal type and way of I/O; statistics, readiness.

# shellcheck source=selftests/blkd/lib.bash
. "$(dirname "$0")/lib.bash"

xseg create "$seg" --heap 128M || exit 1

# each back end and type, one queue and two
try()	# WHAT SERVER-ARG...
{
	local what=$1
	shift
	serve --json "$@"; ok "$what: starts"
	disk ops "$seg" 0 --type "$type" && ! grep -q '^not ok' "$dir/out"; ok "$what: each operation"
	disk verify "$seg" 0 --type "$type" --count 1500; ok "$what: verified"
	stop; ok "$what: ends"
}

sum="sum(j['ops'].values()) == j['requests'] > 1500 and not j['lost']"
for type in futex eventfd fifo; do
	try "$type, mem" --type $type mem:32M
	rm -f "$img"
	try "$type, buffered" --type $type "file:$img" --create --size 32M
	rm -f "$img"
	try "$type, direct" --type $type "file:$img" --create --size 32M --direct --depth 8
	tail -1 "$dir/server" >"$dir/exit"
	json_is "$dir/exit" "j['event'] == 'exit' and $sum"; ok "$type: statistics at exit"
done

# several queues, other types on the other side, pinned, each strategy
type=eventfd
cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
cpu=${cpus%%[-,]*}
for wait in adaptive sleep yield spin; do
	serve --queues 4 --cpus "$cpu" --wait $wait --json "file:$img"; ok "4 queues, --wait $wait: starts"
	disk verify "$seg" 0 --queues 4 --type $type --count 500 --depth 16; ok "verified"
	stop; ok "ends"
	tail -1 "$dir/server" >"$dir/exit"
	json_is "$dir/exit" "len([q for q in j['queues'] if q['requests'] >= 500]) == 4"
	ok "each queue did its part"
	type=futex
done

# other modes
serve --sync "file:$img"; ok "--sync: starts"
disk ops "$seg" 0; ok "each operation"
disk verify "$seg" 0 --count 300; ok "verified"
stop; ok "ends"
serve --block-size 4096 --direct "file:$img"; ok "--block-size 4096: starts"
disk ops "$seg" 0; ok "each operation"
disk verify "$seg" 0 --count 500; ok "verified"
stop; ok "ends"
serve --no-discard mem:8M; ok "--no-discard: starts"
run timeout 60 "$client" ops "$seg" 0
[ "$(grep -c '^not ok' "$dir/out")" = 1 ] && grep -q '^not ok .*discard behind' "$dir/out"
ok "discards are not supported, whatever range"
stop; ok "ends"
serve --read-only "file:$img"; ok "--read-only: starts"
sum=$(md5sum <"$img")
disk ops "$seg" 0; ok "reads and no writes"
disk verify "$seg" 0 --count 300; ok "reads"
serve2=$server
serve_only --read-only "file:$img" --port 3
until_true 10 bound 3; ok "a second reader of the same file"
stop; ok "ends"
server=$serve2
stop; ok "and the first"
[ "$(md5sum <"$img")" = "$sum" ]; ok "the file is as it was"

# where a range cannot be zeroed, zeroes are written; no direct I/O on some
rm -f "/dev/shm/$seg.img"
serve --json "file:/dev/shm/$seg.img" --create --size 8M; ok "tmpfs: starts"
disk ops "$seg" 0; ok "each operation"
disk verify "$seg" 0 --count 1000; ok "verified"
# a file that grows is a larger disk, for who asks then
truncate -s 16M "/dev/shm/$seg.img"
disk bench "$seg" 0 --count 10 --max-io 4096
kill -USR1 $server
until_true 10 grep -q '"event": "stats"' "$dir/server"; ok "SIGUSR1: statistics"
grep '"event": "stats"' "$dir/server" >"$dir/stats"
json_is "$dir/stats" "j['size'] == 16 << 20 and j['ops']['read'] > 10"; ok "the file has grown"
truncate -s 1M "/dev/shm/$seg.img"
run timeout 60 "$client" verify "$seg" 0 --count 100 --area 16777216
[ $rc = 0 ]; ok "a file that shrinks is a smaller disk for who asks then"
stop; ok "ends"
rm -f "/dev/shm/$seg.img"

# null at depth: few system calls. Where both have one CPU each lets the other do
# all there is; where they have more, how often one yields is a matter of speed.
for on in "$cpu" "$cpus"; do
	calls="j['syscalls']"
	[ "$on" = "$cpu" ] || calls="($calls - j['yields'])"
	taskset -pc "$on" $$ >"$dir/out"; ok "null, CPU $on"
	serve --json null:1G; ok "starts"
	disk bench "$seg" 0 --count 200000 --max-io 4096 --depth 32; ok "round trips"
	stop; ok "ends"
	tail -1 "$dir/server" >"$dir/exit"
	json_is "$dir/exit" "j['requests'] > 200000 and $calls / j['requests'] < 0.2" ||
		{ sed 's/^/# /' "$dir/exit"; false; }
	ok "few system calls for each request"
done

# readiness, by path and by abstract name
listen()	# NAME
{
	: >"$dir/told"	# what the one before was told is not for this one
	python3 - "$1" >"$dir/told" <<-'EOF' &
	import socket, sys
	name = sys.argv[1]
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind("\0" + name[1:] if name[0] == "@" else name)
	print("listening", flush=True)
	s.settimeout(60)
	text = ""
	while "STOPPING=1" not in text:
	    text = s.recv(4096).decode()
	    print(text, flush=True)
	EOF
	listener=$!
	until_true 20 grep -q listening "$dir/told"
}
for name in "$dir/notify" "@xseg-$seg"; do
	listen "$name"
	NOTIFY_SOCKET=$name serve null:1M
	until_true 20 grep -q '^READY=1' "$dir/told"; ok "READY=1 to ${name:0:1}..."
	stop
	ends 20 $listener 0 && grep -q '^STOPPING=1' "$dir/told"; ok "STOPPING=1"
done
NOTIFY_SOCKET=/nonesuch serve null:1M; ok "nobody to be told: serves all the same"
grep -q 'NOTIFY_SOCKET' "$dir/server.err"; ok "and says so"
stop; ok "ends"
succeeds xseg destroy "$seg"; ok "nobody is left in the segment"
finish
