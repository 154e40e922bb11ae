#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=300
#
# A disk appears, holds what is written to it, and goes.

. "$(dirname "$0")/lib.bash"

segment
ok "a segment for the kernel"

! add
ok "no disk without a server"

serve -q 2
ok "a server"

add && [ -b $disk ]
ok "a disk"

head -c 1M /dev/urandom >"$dir/data"
run dd if="$dir/data" of=$disk bs=64k oflag=direct &&
	run dd if=$disk of="$dir/back" bs=32k count=32 iflag=direct &&
	cmp "$dir/data" "$dir/back"
ok "it holds what is written"

cmp -n 1048576 "$dir/disk" "$dir/data"
ok "so does the server"

remove && [ ! -e $disk ]
ok "it goes"

finish
