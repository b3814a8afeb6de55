#!/bin/bash
# SPDX-License-Identifier: MIT
# Holes stay holes: an image does not grow by being read, and copies have the holes of what they copy.
. "${0%/*}/../lib.sh"

held() { # KiB that the host holds of a file
	du -k "$1" | cut -f1
}

sparse() { # on the image at $IMG
	create 16
	start
	truncate -s 64M "$MNT/5"
	truncate -s 200M "$MNT/6"
	printf x | dd of="$MNT/6" bs=1 seek=100000000 conv=notrunc,fsync status=none
	stop
	before=$(held "$IMG")
	for option in ro rw; do
		start -o $option
		cmp -n 67108864 "$MNT/5" /dev/zero
		[ "$(tr -d '\0' <"$MNT/6")" = x ] || fail "memory 6 is not what was written"
		[ "$(held "$IMG")" -le $((before + 64)) ] || fail "reading made the image grow from $before to $(held "$IMG") KiB"
		is 0 "$(held "$MNT/5")" "what the host holds of memory 5"
		[ "$(held "$MNT/6")" -le 64 ] || fail "memory 6 holds $(held "$MNT/6") KiB"
		for words in cp "cp -a" "cp --reflink=never" "rsync -S"; do
			$words "$MNT/6" "$T/copy"
			cmp "$MNT/6" "$T/copy"
			[ "$(held "$T/copy")" -le 1024 ] || fail "$words made a copy of $(held "$T/copy") KiB"
			rm "$T/copy"
		done
		[ $option = ro ] || mkdir "$MNT/.snap/a"
		[ $option = ro ] || is 0 "$(held "$MNT/.snap/a/5")" "what the host holds of a snapshot's memory"
		stop
	done
}

requires rsync
IMG=$T/image
sparse
# what is written counts as soon as it is closed
start
head -c 10M /dev/urandom >"$MNT/7"
is 10240 "$(held "$MNT/7")" "what the host holds of memory 7"
stop
[ "$(id -u)" = 0 ] || exit 0
# a host that fills holes when a mapping of them is read, and has no room for that
mkdir "$T/disk"
cleanup_fn umount -lq "$T/disk"
mount -t tmpfs -o size=96m none "$T/disk"
IMG=$T/disk/image
sparse
