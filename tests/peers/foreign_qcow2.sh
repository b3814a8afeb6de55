#!/bin/bash
# SPDX-License-Identifier: MIT
# What qemu-img makes is read; what we do not do is refused by name.
. "$(dirname "$0")/lib.sh"
requires qemu-img qemu-io

golden f_btree_unbounded
image=f_btree_unbounded.img

# reads FILE: it holds the image, by reading, by verifying and by restoring.
reads() {
    run 0 compare --strict $image "$1"
    run 0 verify "$1"
    rm -f back
    run 0 restore "$1" back
    same back $image
}

for cluster in 512 1K 4K 16K 64K 256K 2M; do
    rm -f x.qcow2 y.qcow2
    qemu-img convert -c -O qcow2 -o cluster_size=$cluster $image x.qcow2
    reads x.qcow2
    qemu-img convert -O qcow2 -o cluster_size=$cluster $image y.qcow2
    reads y.qcow2
done
for options in compat=0.10 refcount_bits=1 refcount_bits=64 preallocation=metadata; do
    rm -f x.qcow2
    qemu-img convert -O qcow2 -o $options $image x.qcow2
    reads x.qcow2
done

# On a base: a raw one, a qcow2 file, a checkpoint of ours.
run 0 checkpoint $image ckpt.qcow2
qemu-img convert -O qcow2 $image base.qcow2
for base in raw:$image qcow2:base.qcow2 qcow2:ckpt.qcow2; do
    rm -f over.qcow2
    qemu-img create -q -f qcow2 -F "${base%%:*}" -b "${base#*:}" over.qcow2
    reads over.qcow2
    qemu-io -f qcow2 -c 'write -P 7 70000 100000' -c 'write -z 500K 300K' over.qcow2 >/dev/null
    run 1 compare $image over.qcow2
    qemu-img convert -O raw over.qcow2 changed
    run 0 compare --strict changed over.qcow2
    run 0 verify over.qcow2
done
# Only ours can be the base of a delta, and a delta's base can be turned into anything else.
run 1 checkpoint --base over.qcow2 $image delta.qcow2
grep -q 'not a checkpoint' err || fail "$(cat err)"

# refuses TEXT FILE
refuses() {
    run 1 info "$2"
    grep -q "$1" err || fail "$2: $(cat err)"
}
qemu-img create -q -f qcow2 -o extended_l2=on x.qcow2 1M
refuses 'extended L2' x.qcow2
qemu-img create -q -f qcow2 -o data_file=x.raw,data_file_raw=on x.qcow2 1M
refuses 'external file' x.qcow2
qemu-img create -q -f qcow2 -o compression_type=zstd x.qcow2 1M
refuses 'compressed by method 1' x.qcow2
qemu-img create -q -f qcow2 x.qcow2 1M
qemu-img snapshot -c inside x.qcow2
refuses '1 internal snapshot' x.qcow2
qemu-img create -q -f qcow2 -u -F raw -b nbd://localhost/x x.qcow2 1M
refuses 'not a plain file' x.qcow2
qemu-img create -q -f qcow2 -u -F vmdk -b y x.qcow2 1M
refuses "format 'vmdk'" x.qcow2
qemu-img create -q -f qcow2 -u -F qcow2 -b y.qcow2 x.qcow2 1M
qemu-img create -q -f qcow2 -u -F qcow2 -b x.qcow2 y.qcow2 1M
refuses 'circle' x.qcow2

# What qemu-img finds wrong with the counts is found here too.
cp base.qcow2 x.qcow2
printf '\0\2' | dd of=x.qcow2 bs=1 seek=$((0x20000 + 2 * 9)) conv=notrunc status=none
qemu-img check x.qcow2 >qemu 2>&1 && fail "the file is not damaged: $(cat qemu)"
run 4 verify x.qcow2
grep -Eq '^(warning  leak|error    refcount) ' out || fail "$(cat out)"
