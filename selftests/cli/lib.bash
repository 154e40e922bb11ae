# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# For the tests of the xseg command: TAP, checks, cleaning up. Not a test
# itself: tests are *.sh.
# shellcheck shell=bash

build=${XSEG_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build/release}
export XSEG_PLUGIN_DIR=$build/plugins
seg=cli-$(basename "$0" .sh)-$$
dir=$(mktemp -d "${TMPDIR:-/tmp}/xseg-cli.XXXXXX") || exit 1
PATH=$build:$PATH	# and not a function, so that $! is the command
nr=0 failed=0 rc=0

cleanup()
{
	local pids
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # one word for each process
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	wait 2>/dev/null
	xseg destroy --force "$seg" 2>/dev/null
	rm -f "/dev/shm/xseg.$seg"*
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
	[ ! -s "$dir/out" ] || sed 's/^/# out: /' "$dir/out" | head -20
	[ ! -s "$dir/err" ] || sed 's/^/# err: /' "$dir/err" | head -20
	failed=$((failed + 1))
}

# The plan, and the result as exit status.
finish()
{
	echo "1..$nr"
	exit $((failed != 0))
}

# run COMMAND...: its output to out, its errors to err, its status to rc
run()
{
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
}

# fails STATUS TEXT COMMAND...: it fails so and says TEXT
fails()
{
	local status=$1 text=$2
	run "${@:3}"
	[ $rc = "$status" ] || { echo "# exit status $rc, not $status"; return 1; }
	grep -qF -- "$text" "$dir/err" || { echo "# does not say: $text"; return 1; }
}

# succeeds COMMAND...
succeeds()
{
	run "$@"
	[ $rc = 0 ] || echo "# exit status $rc"
	[ $rc = 0 ]
}

# is_json FILE
is_json() { python3 -m json.tool <"$1" >/dev/null; }

# json_is FILE EXPRESSION: a Python expression of what the file holds, as j
json_is()
{
	python3 -c "import json, sys
j = json.load(open(sys.argv[1]))
sys.exit(0 if ($2) else 1)" "$1"
}

# until_true SECONDS COMMAND...: try until it succeeds
until_true()
{
	local end=$((SECONDS + $1))
	until "${@:2}" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# port_is PORT EXPRESSION: a Python expression of what `xseg ports` says, as p
port_is()
{
	xseg ports "$seg" --all --json >"$dir/port" && json_is "$dir/port" "[p for p in j
		if p['port'] == $1 and ($2)]"
}

bound() { port_is "$1" "p['bound']"; }
asleep() { port_is "$1" "p['asleep']"; }

# flows PORT: requests come to it
flows()
{
	local before
	before=$(xseg ports "$seg" --all --json | python3 -c "import json, sys
print([p['submitted'] for p in json.load(sys.stdin) if p['port'] == $1][0])")
	until_true 20 port_is "$1" "p['submitted'] > $before + 10"
}

# hangs PID: where its threads are
hangs()
{
	local t
	for t in /proc/"$1"/task/*; do
		echo "# ${t##*/} $(cat "$t/comm" "$t/wchan" "$t/syscall" 2>&1 | tr '\n' ' ')"
		sed 's/^/#   /' "$t/stack" 2>/dev/null
	done
}

# ends SECONDS PID STATUS: it ends in time with that status (!0: any but 0)
ends()
{
	local end=$((SECONDS + $1)) got
	while kill -0 "$2" 2>/dev/null; do
		[ $SECONDS -lt $end ] || { echo "# still there after $1 s"; hangs "$2"; return 1; }
		sleep 0.02
	done
	wait "$2"
	got=$?
	[ $got = "$3" ] && return 0
	[ "$3" = '!0' ] && [ $got != 0 ] && return 0
	echo "# exit status $got, not $3"
	return 1
}
