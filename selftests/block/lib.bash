# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# For the tests of the block driver: a segment, servers, disks. Not a test
# itself: tests are *.sh. They run as root with both modules loaded.
# shellcheck shell=bash

build=${XSEG_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build/release}
seg=blk-$(basename "$0" .sh)-$$
dir=$(mktemp -d "${TMPDIR:-/tmp}/xseg-blk.XXXXXX") || exit 1
PATH=$build:$PATH
control=/sys/class/xsegbd
nr=0 failed=0
server=		# its pid

[ -d $control ] || { echo "1..0 # SKIP xsegbd is not loaded"; exit 4; }

cleanup()
{
	local d pids
	for d in /sys/block/xsegbd*; do
		[ ! -d "$d" ] || echo "${d##*xsegbd} force" >$control/remove
	done
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # one word for each process
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	wait 2>/dev/null
	xseg detach "$seg" 2>/dev/null
	xseg destroy --force "$seg" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ok NAME: the last command's status is the result
ok()
{
	local rc=$?
	nr=$((nr + 1))
	if [ $rc = 0 ]; then
		echo "ok $nr - $1"
		return
	fi
	echo "not ok $nr - $1"
	[ ! -s "$dir/out" ] || tail -n 30 "$dir/out" | sed 's/^/# /'
	failed=$((failed + 1))
}

skip() { nr=$((nr + 1)); echo "ok $nr # SKIP $1"; }

finish()
{
	echo "1..$nr"
	exit $((failed != 0))
}

# run COMMAND...: its output is shown if what it tests fails
run() { "$@" >"$dir/out" 2>&1; }

# segment [OPTION...]: make one and let the kernel in
segment() { xseg create "$seg" "$@" && xseg attach "$seg"; }

# serve [OPTION...]: start a server of port 1, wait until it is ready
serve()
{
	coproc SERVER { exec "$build/selftests/block/server" -f "$dir/disk" "$@" "$seg" 1; }
	server=$SERVER_PID
	read -r -t 60 -u "${SERVER[0]}" line && [ "$line" = ready ]
}

# unserve [SIGNAL]: end it
unserve()
{
	kill "-${1:-KILL}" "$server"
	wait "$server" 2>/dev/null
	server=
}

# add [OPTION...]: a disk, xsegbd0
add() { echo "segment=$seg port=1 id=0 $*" >$control/add 2>"$dir/out"; }
remove() { echo "0 $*" >$control/remove; }
disk=/dev/xsegbd0
attr() { cat "/sys/block/xsegbd0/xseg/$1"; }

# attr_is NAME VALUE
attr_is() { [ "$(attr "$1")" = "$2" ]; }

# until_true SECONDS COMMAND...: try until it succeeds
until_true()
{
	local end=$((SECONDS + $1))
	until "${@:2}" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# do_fio NAME OPTION...: on the disk, and if that is not there no file in its
# place; output as of run
on_disk=(--filename=$disk --allow_file_create=0 --direct=1 --group_reporting)
do_fio() { run fio --name="$1" "${on_disk[@]}" --output-format=normal "${@:2}"; }

# start_fio NAME OPTION...: the same in the background, its pid in $fio
start_fio()
{
	fio --name="$1" "${on_disk[@]}" "${@:2}" >"$dir/out" 2>&1 &
	fio=$!
}

# counters: what must be the same before and after: requests and chunks in use
counters()
{
	xseg ports "$seg" --all --json | python3 -c "import json, sys
print([(p['port'], p['submitted'] - p['accepted'], p['responded'] - p['received'])
	for p in json.load(sys.stdin) if p['bound']])"
}
