#!/bin/bash
# SPDX-License-Identifier: MIT
# A full host disk: the writer gets ENOSPC at write, fsync or close; the image stays whole.
. "${0%/*}/../lib.sh"
requires_root

# a limit for the length of files is no more than that to the daemon
create 2
start
prlimit --pid "${daemon_of[$MNT]}" --fsize=1000000
probe "0 EFBIG" open "$MNT/1" 'O_RDWR|O_CREAT' : ftruncate 0 2000000
head -c 100000 /dev/urandom >"$T/a"
cp "$T/a" "$MNT/2"
cmp "$T/a" "$MNT/2"
stop
sound

disk=$T/disk
mkdir "$disk"
cleanup_fn umount -lq "$disk"
full() { # on a new small file system at $disk
	# shellcheck disable=SC2034 # the library uses IMG
	IMG=$disk/image
	create 2
	start -o "scratch=$T"
	head -c 3000000 /dev/urandom >"$T/a"
	cp "$T/a" "$MNT/1"
	sync "$MNT/1"
	# 20 MB do not fit: the error reaches whoever wrote
	if dd if=/dev/urandom of="$MNT/2" bs=64K count=320 conv=fsync status=none 2>"$T/dd"; then
		fail "more was written than the disk holds"
	fi
	grep -q 'No space left' "$T/dd" || fail "$(cat "$T/dd")"
	cmp "$T/a" "$MNT/1"
	probe "0 ENOSPC" open "$MNT/3" 'O_RDWR|O_CREAT' : fallocate 0 - 0 20000000
	# what is there can be written over, and read again
	printf over | dd of="$MNT/1" conv=notrunc,fsync status=none
	printf over | dd of="$T/a" conv=notrunc status=none
	cmp "$T/a" "$MNT/1"
	# space that is given back can be used
	rm -f "$MNT/2" "$MNT/3"
	cp "$T/a" "$MNT/4"
	sync "$MNT/4"
	cmp "$T/a" "$MNT/4"
	stop
	sound
	start
	cmp -n 3000000 "$T/a" "$MNT/1"
	cmp -n 3000000 "$T/a" "$MNT/4"
	stop
	umount "$disk"
}
expect_log '.*No space left on device.*'
mount -t tmpfs -o size=12m none "$disk"
full
truncate -s 16M "$T/ext4"
command -v mkfs.ext4 >/dev/null || exit 0
mkfs.ext4 -q -O ^has_journal -m 0 "$T/ext4"
if mount -o loop "$T/ext4" "$disk" 2>/dev/null; then
	full
fi
