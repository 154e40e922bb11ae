#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Moves more than 500 MB of real files between processes through xseg: over
# futex, over eventfd and over fifo, then through a chain of three with zstd in
# the middle, and compares the sums of what went in and what came out.
#
# XSEG_BUILD: folder with the built programs. Called by `make demo-user`.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=${XSEG_BUILD:-$top/build/release}
export XSEG_PLUGIN_DIR=$build/plugins
segment=demo-$$
least=$((500 * 1000 * 1000))

dir=$(mktemp -d "${TMPDIR:-/tmp}/xseg-demo.XXXXXX")
xseg() { "$build/xseg" "$@"; }

cleanup()
{
	local pids
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # one word for each process
	[ -z "$pids" ] || kill $pids 2>/dev/null || :
	wait
	xseg destroy --force "$segment" 2>/dev/null || :
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

die() { echo "demo-user: $*" >&2; exit 1; }
size() { stat -c %s "$1"; }

[ -x "$build/xseg" ] || die "no $build/xseg; run 'make' first"
command -v zstd >/dev/null || die "zstd is missing; install it (Debian: apt-get install zstd)"

# Room is needed for the tar only; what comes out is summed on the fly.
room=$(($(stat -f -c '%a * %S' "$dir")))
[ "$room" -gt $((least * 2)) ] || die "less than 1 GB of room in $dir; set TMPDIR to a folder with more"

# pack NAME FOLDER...: one tar file
pack() { tar -cf "$dir/$1" --ignore-failed-read -C / "${@:2}" 2>/dev/null; }

# A tar of the headers; of other headers, and of all of it again, until it is
# large enough: tar files in a row are one (tar -i).
make_input()
{
	local headers
	mapfile -t headers < <(cd / && ls -d usr/src/linux-headers-* 2>/dev/null)
	[ ${#headers[@]} -gt 0 ] || die "no /usr/src/linux-headers-*; install them (Debian: apt-get install linux-headers-amd64)"
	pack part "${headers[@]}"
	cat "$dir/part" >"$dir/in"
	echo "  the installed linux headers: ${#headers[@]} trees, $(($(size "$dir/in") / 1000000)) MB"
	if [ "$(size "$dir/in")" -lt $least ] && [ -d /usr/include ]; then
		pack more usr/include
		cat "$dir/more" >>"$dir/part"
		cat "$dir/more" >>"$dir/in"
		rm "$dir/more"
		echo "  less than 500 MB: with /usr/include $(($(size "$dir/in") / 1000000)) MB"
	fi
	while [ "$(size "$dir/in")" -lt $least ]; do
		cat "$dir/part" >>"$dir/in"
		echo "  less than 500 MB: the same once more, $(($(size "$dir/in") / 1000000)) MB"
	done
	rm "$dir/part"
}

# json FILE KEY: a number of a summary
json() { sed -n "s/^ *\"$2\": *\([0-9.]*\),\{0,1\}\$/\1/p" "$dir/$1"; }

# summary WHAT FILE...: a line of the report
summary()
{
	local what=$1 f
	printf '  %-9s %7.0f MB/s  ' "$what" \
		"$(awk "BEGIN { print $(json recv bytes_in 2>/dev/null || :)$bytes / $(json send seconds) / 1e6 }")"
	for f in "${@:2}"; do
		printf ' %s: %s sent, %s elided;' "$f" "$(json "$f" signals_sent)" \
			"$(json "$f" signals_elided)"
	done
	echo
}

# wait_all PID...: fail if any of them did
wait_all()
{
	local pid
	for pid; do
		wait "$pid" || die "a process failed, see above"
	done
}

check_sum()
{
	local got
	got=$(cut -d' ' -f1 "$dir/out.sum")
	[ "$got" = "$sum" ] || die "$1: the sums differ: sent $sum, received $got"
}

# Two processes: send and recv.
move()
{
	local type=$1 receiver
	{ xseg recv "$segment" 1 --type "$type" --quiet --stats "$dir/recv" |
		sha256sum >"$dir/out.sum"; } &
	receiver=$!
	xseg send "$segment" 1 --type "$type" --quiet --stats "$dir/send" \
		${progress:+"$progress"} <"$dir/in"
	wait_all $receiver
	check_sum "$type"
	summary "$type" send recv
}

# Three peers of the segment: send, pipe (zstd), recv; zstd -d undoes it.
move_chain()
{
	local receiver middle
	{ xseg recv "$segment" 2 --quiet --stats "$dir/recv" | zstd -dcq |
		sha256sum >"$dir/out.sum"; } &
	receiver=$!
	xseg pipe "$segment" 1 2 --quiet --stats "$dir/pipe" -- zstd -1 -cq &
	middle=$!
	xseg send "$segment" 1 --quiet --stats "$dir/send" <"$dir/in"
	wait_all $middle $receiver
	check_sum chain
	summary chain send pipe recv
	echo "            zstd made $(($(json recv bytes) / 1000000)) MB of $((bytes / 1000000)) MB"
}

echo "xseg demo: real files through shared memory, from process to process"
echo
echo "Input, as one tar:"
make_input
bytes=$(size "$dir/in")
sum=$(sha256sum "$dir/in" | cut -d' ' -f1)
echo "  sha256 $sum"
echo
