#!/bin/bash
# SPDX-License-Identifier: MIT
# To a block device, whatever was on it: the image, then zeros; and from there back.
. "$(dirname "$0")/lib.sh"
requires losetup

tr '\0' x </dev/zero | head -c $((8 << 20)) >disk || true
device=$(losetup -f --show disk 2>/dev/null) || skip "no loop device can be had"
clean_up() { losetup -d "$device"; }

truncate -s 3M image
for at in 0 7 40; do
    head -c 65536 /dev/urandom | dd of=image bs=64K seek=$at conv=notrunc status=none
done
run 0 checkpoint image image.qcow2
run 1 restore image.qcow2 "$device"
run 0 restore --force image.qcow2 "$device"
cmp -n $((3 << 20)) image "$device" || fail "the device holds another image"
cmp -s <(tail -c +$(((3 << 20) + 1)) "$device") <(head -c $((5 << 20)) /dev/zero) ||
    fail "what was on the device is behind the image"
run 0 checkpoint "$device" again.qcow2
