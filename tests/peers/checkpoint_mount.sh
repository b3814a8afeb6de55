#!/bin/bash
# SPDX-License-Identifier: MIT
# A mount in use is packed as of one moment, with all that was written before.
. "$(dirname "$0")/lib.sh"
requires fusermount3
[ -w /dev/fuse ] || skip "there is no /dev/fuse"
"$program" --complete mount >/dev/null 2>&1
"$program" help mount >/dev/null 2>&1 || skip "built without the mount"

golden c_interleaved
mkdir mnt
clean_up() {
    [ -z "${writer:-}" ] || kill "$writer" 2>/dev/null || true
    fusermount3 -uz mnt 2>/dev/null || true
}
run 0 mount c_interleaved.img mnt
printf 'not synced' | dd of=mnt/4 bs=1 seek=100 conv=notrunc status=none
run 0 checkpoint mnt before.qcow2
[ -z "$(ls -A mnt/.snap)" ] || fail "left: $(ls -A mnt/.snap)"
mkdir mnt/.snap/then
(while [ ! -e enough ]; do
    dd if=/dev/urandom of=mnt/0 bs=64K count=8 conv=notrunc status=none
done) &
writer=$!
run 0 checkpoint mnt during.qcow2
run 0 checkpoint --snapshot "then" mnt then.qcow2
touch enough
wait $writer
writer=
run 0 umount mnt
run 0 verify during.qcow2
run 0 compare --strict before.qcow2 then.qcow2
[ "$("$program" cat before.qcow2 4 | head -c 110 | tail -c 10)" = "not synced" ] || fail "lost"
run 0 checkpoint --snapshot "then" c_interleaved.img again.qcow2
same again.qcow2 then.qcow2

# And a checkpoint is mounted like an image, for reading.
run 0 mount -o ro before.qcow2 mnt
[ "$(head -c 110 mnt/4 | tail -c 10)" = "not synced" ] || fail "not what was packed"
run 0 checkpoint mnt copy.qcow2
same copy.qcow2 before.qcow2
run 0 umount mnt
