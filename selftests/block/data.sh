#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=1800
#
# fio with verify: sizes, depths, orders, jobs, engines, schedulers; mixed with
# flushes and discards.

. "$(dirname "$0")/lib.bash"

size=${XSEG_FIO_SIZE:-8M}

verify()
{
	local name=$1
	shift
	do_fio "$name" --size="$size" --verify_fatal=1 --random_generator=lfsr "$@"
	ok "fio $name: $*"
}

segment
ok "a segment for the kernel"

serve -q 2 -c && add && [ -b $disk ]
ok "a disk with a volatile cache, two queues"

verify seq-512 --rw=write --bs=512 --size=1M --ioengine=psync --verify=crc32c
verify seq-1M --rw=write --bs=1M --size=32M --ioengine=libaio --iodepth=4 --verify=md5
verify rand-4k-d1 --rw=randwrite --bs=4k --ioengine=psync --size=2M --verify=md5
verify rand-4k-d128 --rw=randwrite --bs=4k --ioengine=libaio --iodepth=128 --verify=crc32c
verify rand-mixed --rw=randrw --bsrange=512-1M --size=48M --random_generator=tausworthe \
	--ioengine=libaio --iodepth=32 --verify=crc32c
verify rand-batch --rw=randwrite --bs=8k --ioengine=libaio --iodepth=64 \
	--iodepth_batch_submit=16 --iodepth_batch_complete_min=8 --verify=md5
verify uring --rw=randwrite --bs=16k --ioengine=io_uring --iodepth=32 --verify=crc32c
verify jobs --rw=randwrite --bs=4k --size=2M --numjobs=4 --offset_increment=8M \
	--ioengine=libaio --iodepth=16 --verify=crc32c
verify fsync --rw=randwrite --bs=4k --size=2M --ioengine=libaio --iodepth=8 --fsync=8 --verify=md5
verify sync --rw=randwrite --bs=4k --size=1M --ioengine=psync --sync=dsync --verify=md5
verify trim --rw=randtrimwrite --bs=64k --size=16M --ioengine=psync --verify=crc32c --do_verify=0
verify buffered --direct=0 --rw=randwrite --bs=4k --end_fsync=1 --ioengine=psync --verify=md5

run fio "${on_disk[@]}" --ioengine=libaio --iodepth=16 --size=8M --verify_fatal=1 \
	--name=write --rw=randwrite --bs=4k --offset=0 --verify=crc32c --loops=2 \
	--name=trim --rw=randtrim --bs=32k --offset=16M --loops=4 \
	--name=flush --rw=write --bs=4k --offset=32M --fsync=1 --size=1M
ok "writes verified beside discards and flushes"

run blkdiscard -o 16M -l 16M $disk && run cmp -n 16777216 -i 16777216:0 $disk /dev/zero
ok "what is discarded reads as this server says"
run blkdiscard -z -o 0 -l 8M $disk && run cmp -n 8388608 $disk /dev/zero
ok "what is zeroed reads as zeroes"

echo mq-deadline >/sys/block/xsegbd0/queue/scheduler 2>"$dir/out"
verify scheduler --rw=randwrite --bs=4k --ioengine=libaio --iodepth=64 --verify=crc32c

attr_is failed 0 && attr_is bad 0 && attr_is in_flight 0 && attr_is lost 0
ok "the disk counts no failure"
remove && unserve
ok "it goes"

for bs in 4096 1024; do
	serve -b $bs -i 131072 && add queues=1 depth=4 &&
		[ "$(blockdev --getss $disk)" = $bs ] &&
		[ "$(cat /sys/block/xsegbd0/queue/max_hw_sectors_kb)" = 128 ]
	ok "blocks of $bs bytes, requests of 128 KiB"
	verify depth-4 --rw=randwrite --bs=$bs --size=1M --ioengine=libaio --iodepth=32 --verify=md5
	verify split --rw=write --bs=1M --size=8M --ioengine=libaio --iodepth=8 --verify=md5
	attr_is failed 0 && remove && unserve
	ok "it goes"
done

# Little room for data: those who find none wait, and go on.
xseg detach "$seg" && xseg destroy "$seg" && segment --heap 2M --max-data 256K --queue 64 &&
	serve -q 2 && add && [ -b $disk ]
ok "a disk on a segment with little room"
verify starved --rw=randrw --bsrange=4k-1M --size=32M --random_generator=tausworthe --numjobs=2 \
	--offset_increment=32M --ioengine=libaio --iodepth=64 --verify=crc32c
attr_is failed 0 && attr_is in_flight 0 && remove
ok "it goes"

finish
