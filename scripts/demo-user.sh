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
least=500000000

dir=$(mktemp -d "${TMPDIR:-/tmp}/xseg-demo.XXXXXX")
in=$dir/in out=$dir/out

cleanup()
{
	local pids
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # one word for each process
	[ -z "$pids" ] || kill $pids 2>/dev/null || :
	wait
	"$build/xseg" destroy --force "$segment" 2>/dev/null || :
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

die() { printf '\ndemo-user: %s\n' "$*" >&2; exit 1; }
size() { stat -c %s "$1"; }
mb() { echo "$(($1 / 1000000)) MB"; }
sum_of() { sha256sum "$1" | cut -d' ' -f1; }
PATH=$build:$PATH

# pack NAME FOLDER...: one tar file
pack() { tar -cf "$dir/$1" -C / "${@:2}"; }

# A tar of the headers. If that is too little, other headers and the same again
# are added: tar files in a row are one (tar -i).
make_input()
{
	local headers
	mapfile -t headers < <(cd / && ls -d usr/src/linux-headers-*)
	[ ${#headers[@]} -gt 0 ] ||
		die "no /usr/src/linux-headers-* (Debian: apt-get install linux-headers-amd64)"
	pack part "${headers[@]}"
	echo "  tar of the installed linux headers, ${#headers[@]} trees: $(mb "$(size "$dir/part")")"
	if [ "$(size "$dir/part")" -lt $least ]; then
		pack more usr/include
		echo "  less than 500 MB, so /usr/include too: $(mb "$(size "$dir/more")")"
		cat "$dir/more" >>"$dir/part"
		rm "$dir/more"
	fi
	mv "$dir/part" "$in"
	[ "$(size "$in")" -lt $least ] || return 0
	mv "$in" "$dir/part"
	while [ ! -e "$in" ] || [ "$(size "$in")" -lt $least ]; do
		cat "$dir/part" >>"$in"
	done
	echo "  still less than 500 MB, so the same again and again: $(mb "$(size "$in")")"
	rm "$dir/part"
}

# stat_of FILE KEY: a number of a summary
stat_of() { sed -n "s/^ *\"$2\": *\([0-9.]*\),\{0,1\}\$/\1/p" "$dir/$1"; }

# report WHAT SENDER... : a line of the table
report()
{
	local f sent=0 elided=0
	for f in "${@:2}"; do
		sent=$((sent + $(stat_of "$f" signals_sent)))
		elided=$((elided + $(stat_of "$f" signals_elided)))
	done
	printf '  %-22s %7.2f s %8.0f MB/s %9d %9d %9d   equal\n' "$1" \
		"$(stat_of send seconds)" \
		"$(awk "BEGIN { print $bytes / $(stat_of send seconds) / 1e6 }")" \
		"$(stat_of send requests)" $sent $elided
}

wait_all()
{
	local pid
	for pid; do
		wait "$pid" || die "a process failed, see above"
	done
}

# check WHAT FILE: what came out is what went in
check()
{
	local got
	got=$(sum_of "$2")
	[ "$got" = "$sum" ] || die "$1: THE SUMS DIFFER: sent $sum, received $got"
	rm "$2"
}

# Two processes: one sends the file, the other writes what it receives.
move()
{
	local type=$1 receiver
	xseg recv "$segment" 1 --type "$type" --quiet --stats "$dir/recv" >"$out" &
	receiver=$!
	xseg send "$segment" 1 --type "$type" --stats "$dir/send" <"$in" ||
		die "$type: xseg send failed"
	wait_all $receiver
	check "$type" "$out"
	report "$type" send recv
}

# Three: the one in the middle compresses what it passes on.
move_chain()
{
	local receiver middle
	xseg recv "$segment" 2 --quiet --stats "$dir/recv" >"$out.zst" &
	receiver=$!
	xseg pipe "$segment" 1 2 --quiet --stats "$dir/pipe" -- zstd -1 -cq &
	middle=$!
	xseg send "$segment" 1 --stats "$dir/send" <"$in" ||
		die "chain: xseg send failed"
	wait_all $middle $receiver
	zstd -dqf "$out.zst" -o "$out" || die "chain: zstd cannot read what came"
	check chain "$out"
	report 'futex, through zstd' send pipe recv
	echo "    (zstd made $(mb "$bytes") into $(mb "$(stat_of recv bytes)") on the way)"
}

[ -x "$build/xseg" ] || die "no $build/xseg; run 'make' first"
command -v zstd >/dev/null || die "zstd is missing (Debian: apt-get install zstd)"
[ $(($(stat -f -c '%a * %S' "$dir"))) -gt $((least * 4)) ] ||
	die "less than 2 GB free in $dir; set TMPDIR to a folder with more"

echo 'xseg demo: real files, from process to process through shared memory'
echo
echo 'Input:'
make_input
bytes=$(size "$in")
sum=$(sum_of "$in")
echo "  sha256 $sum"
echo
xseg create "$segment"
echo "Each line: 'xseg send' reads the input into the segment, 'xseg recv' writes it"
echo 'from there to a file; only the way to wake each other differs. Signals are sent'
echo 'where the other side waits, and elided (left out, at no cost) where it is at work.'
echo
printf '  %-22s %9s %13s %9s %9s %9s   %s\n' 'woken by' time throughput \
	requests 'sent' elided sha256
for type in futex eventfd fifo; do
	move $type
done
move_chain
echo
echo 'Nothing was lost: all sums are equal.'
