#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# xseg fsck: exit statuses, what it says, that it does not mind live segments,
# and that it changes nothing.

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/lib.bash"

file=/dev/shm/xseg.$seg
xseg create "$seg" --ports 16 || exit 1

xseg fsck "$seg" >"$dir/out"; ok "a new segment is in order"
grep -q "segment '$seg' is in order" "$dir/out"; ok "and it says so"
xseg fsck "$seg" --quiet >"$dir/out" && [ ! -s "$dir/out" ]; ok "--quiet says nothing"
xseg fsck "$seg" --json | grep -q '"clean": true'; ok "--json"
fails 2 'there is no segment' xseg fsck "$seg-none"; ok "no such segment: 2"
fails 2 'no name' xseg fsck ../x; ok "no name: 2"

xseg recv "$seg" 1 >/dev/null 2>&1 & receiver=$!
xseg send "$seg" 1 </dev/zero >/dev/null 2>&1 & sender=$!
flows 1
bad=0
for _ in 1 2 3 4 5; do xseg fsck "$seg" >"$dir/out" || bad=1; done
[ $bad = 0 ]; ok "in order under load"
kill -KILL $sender $receiver; wait $sender $receiver 2>/dev/null
xseg fsck "$seg" >"$dir/out"; ok "in order with dead peers"
grep -q '2 to be reaped' "$dir/out"; ok "which it counts"
xseg reap "$seg" >/dev/null && xseg fsck "$seg" --idle >"$dir/out"; ok "in order after the reap"

sum=$(cksum <"$file")
xseg fsck "$seg" >/dev/null
[ "$sum" = "$(cksum <"$file")" ]; ok "nothing was changed"

# the state of record 3 of the names, which nobody uses, becomes "attached"
printf '\x04' | dd of="$file" bs=1 seek=$((0x5000 + 64 * 3 + 2)) conv=notrunc status=none
xseg fsck "$seg" >"$dir/out"; [ $? = 1 ]; ok "damaged: 1"
grep -q 'type name 3' "$dir/out"; ok "and where"
xseg fsck "$seg" --json | grep -q '"object": "type name 3'; ok "and in JSON"
truncate -s 100000 "$file"
fails 2 'truncated' xseg fsck "$seg"; ok "truncated: 2"
finish
