#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=1800
#
# File systems, partitions.

. "$(dirname "$0")/lib.bash"

segment
ok "a segment for the kernel"
serve -q 2 -c -s 400 && add && [ -b $disk ]
ok "a disk of 400 MiB"

mkdir "$dir/mnt" "$dir/tree"
cp -r "${XSEG_SRC:-.}"/{core,kernel,user,include} "$dir/tree/"
head -c 20M /dev/urandom >"$dir/tree/random"
sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 md5sum); }
sums "$dir/tree" >"$dir/sums"

used()
{
	run mount "$@" $disk "$dir/mnt" || return
	run cp -r "$dir/tree" "$dir/mnt/" && sync &&
		(cd "$dir/mnt/tree" && run md5sum --quiet -c "$dir/sums") &&
		rm -rf "$dir/mnt/tree/core" && run fstrim -v "$dir/mnt"
	local rc=$?
	run umount "$dir/mnt" || rc=1
	run mount $disk "$dir/mnt" || return
	(cd "$dir/mnt/tree" && grep -v ' \./core/' "$dir/sums" | md5sum --quiet -c) || rc=1
	run umount "$dir/mnt" && [ $rc = 0 ]
}

# a kernel built for tests has but one
has() { modprobe -q "$1" 2>/dev/null; grep -qw "$1" /proc/filesystems; }

for fs in ext4 xfs btrfs; do
	has $fs || { skip "$fs: not in this kernel"; continue; }
	case $fs in
	ext4)	run mkfs.ext4 -q -F $disk; check=(fsck.ext4 -f -n $disk) ;;
	xfs)	run mkfs.xfs -q -f $disk; check=(xfs_repair -n $disk) ;;
	btrfs)	run mkfs.btrfs -q -f $disk; check=(btrfs check $disk) ;;
	esac
	ok "mkfs.$fs"
	used
	ok "$fs: mounted, a tree copied, read back, trimmed"
	run "${check[@]}"
	ok "$fs: checks clean"
done

run mkfs.ext4 -q -F $disk && mount $disk "$dir/mnt"
! remove 2>"$dir/err" && [ -b $disk ]
ok "a mounted disk is not removed"
remove force && [ ! -e $disk ]
ok "but by force"
umount "$dir/mnt"
ok "unmounted after"

add && run wipefs -q -a $disk && printf 'label: gpt\nsize=64M\nsize=32M\n' | run sfdisk -q $disk &&
	until_true 10 [ -b ${disk}p2 ]
ok "a partition table"
run mkfs.ext4 -q -F ${disk}p2 && mount ${disk}p2 "$dir/mnt" && cp -r "$dir/tree/core" "$dir/mnt/" &&
	umount "$dir/mnt"
ok "a file system on a partition"
remove && add && until_true 10 [ -b ${disk}p2 ] && mount ${disk}p2 "$dir/mnt" &&
	diff -r "$dir/tree/core" "$dir/mnt/core" && umount "$dir/mnt"
ok "partitions are found again"
remove && [ ! -e ${disk}p1 ]
ok "they go with the disk"

finish
