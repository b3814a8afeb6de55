#!/bin/bash
# SPDX-License-Identifier: MIT
# A full disk while old bytes are copied: that write fails with ENOSPC; image and snapshots stay
# whole.
. "${0%/*}/../../mount/lib.sh"
requires_root

mkdir "$T/small"
mount -t tmpfs -o size=6m tmpfs "$T/small" || skip "cannot mount a small file system"
cleanup_fn umount -l "$T/small"
IMG=$T/small/image
create 2
head -c 2000000 /dev/urandom >"$T/a"
"$CANISTERFS" put "$IMG" 5 "$T/a"
start
expect_log 'canisterfs: .*: bytes [0-9]+ to [0-9]+ of memory 5 cannot be written: No space left on device'
mkdir "$MNT/.snap/one"
head -c 200000 /dev/urandom >"$T/b"
dd if="$T/b" of="$MNT/5" conv=notrunc,fsync status=none
dd if=/dev/zero of="$T/small/fill" bs=64K status=none 2>/dev/null || true
# The last free block may go to the snapshot's tables: more than one cluster is asked for.
! dd if="$T/a" of="$MNT/5" bs=64K seek=10 count=16 skip=10 conv=notrunc,fsync status=none \
	iflag=fullblock 2>"$T/said" || fail "written on a full disk"
grep -q "No space left on device" "$T/said" || fail "said: $(cat "$T/said")"
cmp -n 2000000 "$T/a" "$MNT/.snap/one/5"
rm "$T/small/fill"
cmp -n 200000 "$T/b" "$MNT/5"
dd if="$T/b" of="$MNT/5" conv=notrunc,fsync bs=100000 seek=10 status=none
cmp -n 2000000 "$T/a" "$MNT/.snap/one/5"
stop
sound
! command -v qemu-img >/dev/null || qemu-img check -q "$IMG.snap/one.qcow2"
start
cmp -n 2000000 "$T/a" "$MNT/.snap/one/5"
stop
