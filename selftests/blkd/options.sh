#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# xseg-blkd: wrong arguments and things that are not there. Each is said
# clearly, with what to do, and nothing is left behind.

# shellcheck source=selftests/blkd/lib.bash
. "$(dirname "$0")/lib.bash"

xseg create "$seg" --ports 16 || exit 1
d=xseg-blkd

fails 2 'name of a segment is missing' $d; ok "no segment"
fails 2 'back end is missing' $d "$seg"; ok "no back end"
fails 2 'too many' $d "$seg" null:1G more; ok "an argument too many"
fails 2 'file:PATH, null:SIZE or mem:SIZE' $d "$seg" nul:1G; ok "unknown back end"
fails 2 'file:PATH, null:SIZE or mem:SIZE' $d "$seg" /dev/null; ok "a bare path"
fails 2 'path is missing' $d "$seg" file:; ok "an empty path"
fails 2 'not a number' $d "$seg" null:; ok "null without a size"
fails 2 'not a size' $d "$seg" null:1X; ok "null of odd size"
fails 1 'not a multiple of the block size, 512' $d "$seg" null:1000; ok "size no multiple"
fails 1 'it is empty' $d "$seg" mem:0; ok "size 0"
fails 2 'none of 512, 1024' $d "$seg" null:1M --block-size 513; ok "--block-size"
fails 2 'not between 1 and' $d "$seg" null:1M --queues 0; ok "--queues 0"
fails 2 'not between 1 and' $d "$seg" null:1M --depth 0; ok "--depth 0"
fails 2 'none of adaptive, sleep, yield, spin' $d "$seg" null:1M --wait nap; ok "--wait"
fails 2 'counts down' $d "$seg" null:1M --cpus 3-1; ok "--cpus counts down"
fails 2 'not a number' $d "$seg" null:1M --cpus 0,,1; ok "--cpus with a hole"
fails 1 'no CPU 1023' $d "$seg" null:1M --cpus 1023; ok "--cpus: no such CPU"
fails 2 'for file: only' $d "$seg" null:1M --direct; ok "--direct for null"
fails 2 'takes --size' $d "$seg" "file:$img" --create; ok "--create without --size"
fails 2 '--size is for --create' $d "$seg" "file:$img" --size 1M; ok "--size without --create"
fails 2 'exclude each other' $d "$seg" "file:$img" --create --size 1M --read-only
ok "--create --read-only"
fails 2 'unrecognized option' $d "$seg" null:1M --nonesuch; ok "unknown option"
grep -q "Try 'xseg-blkd --help'" "$dir/err"; ok "and where help is"
fails 2 'there is no port 65536' $d "$seg" null:1M --port 65535 --queues 2; ok "ports beyond all"
fails 1 'the segment has no port 16' $d "$seg" null:1M --port 15 --queues 2
ok "more ports than the segment has"
port_is 15 "not p['bound']"; ok "and none is left bound"
fails 1 "there is no segment 'nonesuch'" $d nonesuch null:1M; ok "no such segment"
fails 1 'nonesuch' $d "$seg" null:1M --type nonesuch; ok "no such signal type"

fails 1 'no such file; --create --size' $d "$seg" "file:$img"; ok "no such file"
fails 1 'neither a file nor a block device' $d "$seg" "file:$dir"; ok "a folder"
fails 1 'neither a file nor a block device' $d "$seg" file:/dev/null; ok "a character device"
: >"$img"
fails 1 'it is empty' $d "$seg" "file:$img"; ok "an empty file"
head -c 1000 /dev/zero >"$img"
fails 1 'not a multiple of the block size' $d "$seg" "file:$img"; ok "a file of odd size"
fails 1 'not the 1048576' $d "$seg" "file:$img" --create --size 1M; ok "a file of another size"
[ "$(stat -c %s "$img")" = 1000 ]; ok "which is left alone"
rm "$img"
fails 2 'not a multiple' $d "$seg" "file:$img" --create --size 1000; ok "--size no multiple"
[ ! -e "$img" ]; ok "and no file is made"
fails 1 'a folder that is there' $d "$seg" "file:$dir/a/b" --create --size 1M; ok "no such folder"

xseg create "$seg-small" --max-data 256 || exit 1
fails 1 'less than a block' $d "$seg-small" null:1M; ok "a segment of small requests"
xseg destroy "$seg-small"

serve mem:1M; ok "a server"
fails 1 'port 0 is taken by a live peer' $d "$seg" null:1M; ok "a second one of the same port"
stop; ok "it ends"
serve "file:$img" --create --size 1M; ok "a server of a file"
fails 1 'locked; another server' $d "$seg" "file:$img" --port 5 --no-wait
ok "a second one of the same file"
fails 1 'locked; another server' $d "$seg" "file:$img" --port 5 --no-wait --read-only
ok "also if it only reads"
stop; ok "it ends"

succeeds $d --help && grep -q -- --block-size "$dir/out"; ok "--help"
succeeds $d --version && grep -q 'xseg-blkd' "$dir/out"; ok "--version"
succeeds xseg peers "$seg" --json && json_is "$dir/out" "not j"; ok "no peer is left"
finish
