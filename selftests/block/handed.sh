#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=900
#
# A server that polls sends the I/O itself: while it is killed, where there is
# too little room, and while the disk goes.

. "$(dirname "$0")/lib.bash"

poll=/sys/module/xseg_signal/parameters/poll_usec
[ "$(nproc)" -ge 2 ] || { echo "1..0 # SKIP takes two CPUs"; exit 4; }
trap 'echo 200 >$poll; cleanup' EXIT
echo 1000000 >$poll

# flows: I/O is handed over
flows()
{
	local before
	before=$(attr handed)
	until_true 120 eval '[ "$(attr handed)" -gt $((before + 50)) ]'
}

# verify NAME OPTION...: and some of it was handed over
verify()
{
	local before after
	before=$(attr handed)
	do_fio "$@" --cpus_allowed=0 --verify=crc32c --verify_fatal=1 && ! grep -q '^verify' "$dir/out"
	local rc=$?
	after=$(attr handed)
	echo "# $1: $((after - before)) handed over"
	[ $rc = 0 ] && [ "$after" -gt "$before" ]
}

# it polls while nobody wants its CPU
polling() { serve "$@" && taskset -apc 1 "$server" >/dev/null; }

none_left()
{
	attr_is failed 0 && attr_is bad 0 && until_true 5 attr_is in_flight 0 && attr_is lost 0
}

segment
ok "a segment for the kernel"
polling && add && [ -b $disk ]
ok "a disk"
verify depth-1 --rw=randrw --bsrange=512-64k --bs_unaligned=0 --size=2M
ok "one at a time"
verify depth-32 --rw=randrw --bsrange=512-256k --size=16M --ioengine=libaio --iodepth=32 \
	--iodepth_batch=8
ok "many at a time, in batches"
none_left
ok "nothing is left"

start_fio kills --rw=randrw --cpus_allowed=0 --bs=4k --size=16M --ioengine=libaio --iodepth=8 --verify=crc32c \
	--verify_fatal=1 --verify_backlog=200 --time_based --runtime=3600
rc=0
for ((i = 0; i < 10; i++)); do
	sleep "0.$((RANDOM % 50 + 1))"
	unserve KILL
	polling && kill -0 $fio || { rc=1; break; }
done
[ $rc = 0 ]
ok "the server is killed 10 times"
flows
ok "the last one sends as well"
rc=0
for ((i = 0; i < 8; i++)); do
	for s in mq-deadline none; do
		echo $s >/sys/block/xsegbd0/queue/scheduler &&
			echo $((i % 2 * 60 + 4)) >/sys/block/xsegbd0/queue/nr_requests || rc=1
		sleep "0.0$((RANDOM % 10))"
	done
done
[ $rc = 0 ] && flows
ok "so it does while schedulers come and go"
kill -TERM $fio
wait $fio
[ $? = 128 ] && ! grep -qE '^verify|error=|err= *[1-9]' "$dir/out" && none_left
ok "no error, no wrong byte, nothing left"

for how in force server; do
	start_fio going --rw=randrw --cpus_allowed=0 --bs=4k --size=16M --ioengine=libaio --iodepth=16 --numjobs=2 \
		--time_based --runtime=600
	flows
	ok "$how: I/O flows"
	[ $how = force ] || { echo 0 >/sys/block/xsegbd0/xseg/hold_ms && unserve KILL; }
	until_true 20 eval 'remove force; [ ! -e $disk ]'
	ok "$how: the disk goes under load"
	until_true 20 eval '! kill -0 $fio 2>/dev/null'
	ok "$how: fio has ended"
	wait $fio
	[ "$server" ] || polling
	add && [ -b $disk ]
	ok "$how: a new disk"
done
remove && unserve TERM && xseg reap "$seg" && xseg fsck --idle "$seg"
ok "each request and buffer is where it belongs"

# those who find no room wait, and go on
xseg detach "$seg" && xseg destroy "$seg" && segment --heap 2M --max-data 256K --queue 64 &&
	polling && add && [ -b $disk ]
ok "a disk on a segment with little room"
verify small --rw=randrw --bs=4k --size=2M
ok "small I/O on it"
verify starved --rw=randrw --bsrange=4k-256k --size=16M --random_generator=tausworthe \
	--numjobs=2 --offset_increment=32M --ioengine=libaio --iodepth=64
ok "all goes on where there is little room"
none_left
ok "nothing is left"

# who polls finds no room: a stopped server has it all
full()	# it takes no more
{
	local before
	before=$(cat /sys/block/xsegbd1/xseg/in_flight)
	[ "$before" -gt 0 ] && sleep 1 && [ "$(cat /sys/block/xsegbd1/xseg/in_flight)" = "$before" ]
}
"$build/selftests/block/server" -f "$dir/other" "$seg" 9 >"$dir/ready" &
other=$!
until_true 20 grep -q ready "$dir/ready" && echo "segment=$seg port=9 id=1" >$control/add
ok "another disk"
fio --name=small "${on_disk[@]}" --cpus_allowed=0 --rw=randrw --bs=4k --size=2M \
	--time_based --runtime=3600 >/dev/null &
small=$!
kill -STOP $other
fio --name=hog --filename=/dev/xsegbd1 --direct=1 --rw=write --bs=256k --size=16M \
	--ioengine=libaio --iodepth=64 >/dev/null &
hog=$!
until_true 120 full && flows
ok "which is stopped, and has all room for large I/O"
taskset -c 0 dd if="$dir/other" of=$disk bs=256k count=4 seek=100 oflag=direct 2>/dev/null &
dd=$!
sleep 2
kill -0 $dd && kill -0 $hog
ok "I/O that finds no room waits"
kill -CONT $other
wait $dd && wait $hog
ok "and goes on when there is"
kill -TERM $small
wait $small
[ $? = 128 ] && none_left && remove && echo 1 >$control/remove
ok "nothing is left"

finish
