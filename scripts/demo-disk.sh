#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A block device whose server is killed in the middle of its work, and nothing
# is lost. Runs as root where xseg_signal and xsegbd are loaded: in the virtual
# machine of `make demo`, or on the machine itself by `make demo-host`.
#
# XSEG_DEMO_DATA: folder with tree.tar, and sums, the check sums of what is in there
# XSEG_BUILD: folder with the built programs
# XSEG_DEMO_TAP=1: end with a line for scripts/run-tests

set -euo pipefail

data=${XSEG_DEMO_DATA:?}
PATH=${XSEG_BUILD:?}:$PATH
segment=demo-$$
dir=$(mktemp -d "${TMPDIR:-/tmp}/xseg-demo.XXXXXX")
mnt=$dir/mnt
disk='' server=''

cleanup()
{
	mountpoint -q "$mnt" && umount -l "$mnt"
	[ -z "$disk" ] || xseg disk remove --force "$disk" >/dev/null 2>&1
	[ -z "$server" ] || kill "$server" 2>/dev/null
	wait
	xseg detach "$segment" 2>/dev/null
	xseg destroy --force "$segment" 2>/dev/null
	rm -rf "$dir"
}
trap 'set +e; cleanup' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

die() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }
step() { printf '[%3d s] %s\n' $((SECONDS)) "$*"; }
attr() { cat "/sys/block/$disk/xseg/$1"; }
written() { awk '{ print int($7 / 2048) }' "/sys/block/$disk/stat"; }

# serve NUMBER: start a server, its statistics go to a file of that number
serve()
{
	xseg-blkd "$segment" "file:$dir/disk.img" --json >"$dir/stats.$1" \
		2>"$dir/log.$1" & server=$!
	for ((i = 0; i < 600; i++)); do
		grep -q '"ready"' "$dir/stats.$1" && return
		kill -0 $server 2>/dev/null || break
		sleep 0.05
	done
	cat "$dir/log.$1" >&2
	die "the server did not start"
}

# Copies the tree; the server dies in the middle, another one goes on.
copy_and_kill()
{
	local total copy
	total=$(($(stat -c %s "$data/tree.tar") >> 20))
	# a cache that is small makes the disk work while the copy runs
	tar -xf "$data/tree.tar" -C "$mnt" & copy=$!
	for ((i = 0; i < 3000; i++)); do
		[ "$(written)" -lt $((total / 4)) ] || break
		kill -0 $copy 2>/dev/null || break
		sleep 0.02
	done
	for ((i = 0; i < 3000; i++)); do	# not while it has nothing to do
		inflight=$(attr in_flight)
		[ "$inflight" = 0 ] || break
	done
	kill -KILL $server
	wait $server 2>/dev/null || :
	step "killed the server (SIGKILL) after $(written) of $total MB, $inflight requests in flight"
	sleep 0.5
	[ "$(attr state)" = away ] || die "the disk did not notice"
	step "the disk waits: $(attr state), $(attr in_flight) requests kept"
	serve 2
	step "another server took over: process $server"
	wait $copy || die "the copy failed"
	sync -f "$mnt"
}

verify()
{
	umount "$mnt"
	echo 3 >/proc/sys/vm/drop_caches
	mount "/dev/$disk" "$mnt"
	step "comparing $(wc -l <"$data/sums") files with their check sums"
	(cd "$mnt" && md5sum --quiet -c "$data/sums") || die "files differ"
	umount "$mnt"
	fsck.ext4 -fn "/dev/$disk" >"$dir/fsck" 2>&1 || { cat "$dir/fsck"; die "fsck found errors"; }
	step "all files are as they were; fsck.ext4 found no error"
}

number() { grep -o "\"$1\": *[0-9]*" "$dir/stats.2" | tail -1 | grep -o '[0-9]*$' || echo '?'; }

report()
{
	local r ri w wi
	read -r r _ ri _ w _ wi _ < <(awk '{ print $1, $2, int($3 / 2048), $4, $5, $6, int($7 / 2048), $8 }' "/sys/block/$disk/stat")
	cat <<-END

	What ran: ext4 on /dev/$disk, whose every I/O a process served through the
	segment "$segment"; that process was killed and replaced under load.

	  I/O of the disk          $r reads ($ri MB), $w writes ($wi MB)
	  requests that failed     $(attr failed)
	  wrong answers            $(attr bad)
	  kernel woke the server   $(attr signals)
	  second server            $(number requests) requests
	    woke the kernel        $(number signals_sent) times, not needed $(number signals_elided) times
	    slept                  $(number sleeps) times
	  copy and kill            $copied s, $((total_mb * 1000 / (copied_ms > 0 ? copied_ms : 1))) MB/s
	  files lost or changed    0
	END
}

[ "$(id -u)" = 0 ] || die "this takes root"
[ -d /sys/class/xsegbd ] || die "xsegbd is not loaded: modprobe xsegbd"
mkdir "$mnt"
total_mb=$(($(stat -c %s "$data/tree.tar") >> 20))

xseg create "$segment" --heap 32M
xseg attach "$segment"
truncate -s $((total_mb * 2 + 64))M "$dir/disk.img"
serve 1
disk=$(xseg disk add "$segment" 0 | grep -o 'xsegbd[0-9]*' | head -1)
[ -b "/dev/$disk" ] || die "there is no disk"
step "a segment, a server (process $server), and a disk: /dev/$disk, $(($(cat "/sys/block/$disk/size") / 2048)) MB"
mkfs.ext4 -q "/dev/$disk"
mount "/dev/$disk" "$mnt"
step "ext4 made and mounted; copying $total_mb MB"
began=${EPOCHREALTIME/./}
copy_and_kill
copied_ms=$(((${EPOCHREALTIME/./} - began) / 1000))
copied=$((copied_ms / 1000)).$((copied_ms % 1000 / 100))
step "copied"
verify
kill -USR1 $server
sleep 0.3
report
xseg disk remove "$disk" >/dev/null
disk=
kill -TERM $server
wait $server || die "the server ended with an error"
server=
xseg detach "$segment"
xseg destroy "$segment"
printf '\nNothing was lost.\n'
[ -z "${XSEG_DEMO_TAP-}" ] || printf '1..1\nok 1 - demo\n'
