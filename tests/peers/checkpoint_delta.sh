#!/bin/bash
# SPDX-License-Identifier: MIT
# A chain of three reads in qemu-img as the images were, wherever its files lie.
. "$(dirname "$0")/lib.sh"
requires qemu-img

golden e_btree_u64
cp e_btree_u64.img 1.img
cp 1.img 2.img
printf 'changed' | dd of=2.img bs=1 seek=3000000 conv=notrunc status=none
dd if=/dev/zero of=2.img bs=64K seek=20 count=3 conv=notrunc status=none
head -c 200000 /dev/urandom >>2.img
cp 2.img 3.img
truncate -s 7000064 3.img
printf 'again' | dd of=3.img bs=1 seek=100 conv=notrunc status=none

mkdir deep
run 0 checkpoint 1.img base.qcow2
run 0 checkpoint --base base.qcow2 2.img deep/2.qcow2
run 0 checkpoint --base deep/2.qcow2 --jobs 1 3.img 3.qcow2
cp 3.qcow2 3again.qcow2
run 0 checkpoint --force --base deep/2.qcow2 --jobs 4 3.img 3.qcow2
same 3.qcow2 3again.qcow2
[ "$(qemu-img info --backing-chain --output=json 3.qcow2 | jq length)" = 3 ] || fail "chain"
holds base.qcow2 1.img
holds deep/2.qcow2 2.img
qemu-img check -q 3.qcow2
# qemu counts disks in sectors.
truncate -s 7000064 padded
dd if=3.img of=padded conv=notrunc status=none
truncate -s 7000576 padded
holds 3.qcow2 padded
for n in deep/2.qcow2 3.qcow2; do
    run 0 verify $n
done
run 0 restore 3.qcow2 back
same back 3.img
run 0 info --json deep/2.qcow2
json .stored.files 2
json .stored.base '"../base.qcow2"'
(cd deep && "$program" verify 2.qcow2 >/dev/null) || fail "a name relative to the file"
[ "$(stat -c %s deep/2.qcow2)" -lt 1000000 ] || fail "the delta is no delta"

# The base is missing, or another one.
mv base.qcow2 away
run 1 info 3.qcow2
grep -q "base.qcow2' with content [0-9a-f]\{64\}: cannot open: No such file" err || fail "$(cat err)"
cp away base.qcow2
run 0 checkpoint --force 2.img base.qcow2
run 1 restore 3.qcow2 new
grep -Eq "base with content [0-9a-f]{64}, and '../base.qcow2' has content [0-9a-f]{64}" err ||
    fail "$(cat err)"
[ ! -e new ] || fail "installed all the same"
run 1 checkpoint --base 1.img 2.img x.qcow2
grep -q 'not a qcow2 file' err || fail "$(cat err)"
