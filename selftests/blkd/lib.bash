# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# For the tests of xseg-blkd: a server and a client that plays the disk. Not a
# test itself: tests are *.sh.
# shellcheck shell=bash

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/../cli/lib.bash"

client=$build/selftests/blkd/blkclient
img=$dir/disk.img
server=

# serve ARG...: start a server of port 0, and wait until it is ready
serve()
{
	serve_only "$@" || return
	until_true 30 grep -qE '"event": "ready"|^serving' "$dir/server" && return
	sed 's/^/# server: /' "$dir/server.err"
	return 1
}

# serve_only ARG...: start it
serve_only()
{
	: >"$dir/server"
	xseg-blkd "$seg" "$@" >"$dir/server" 2>"$dir/server.err" & server=$!
}

# stop: tell it to end, as it should: with status 0
stop() { kill -TERM "$server" && ends 30 "$server" 0; }

# disk MODE ARG...: play the disk, as often as told
disk() { succeeds timeout 250 "$client" "$@"; }
