#!/bin/bash
# SPDX-License-Identifier: MIT
# Every golden image goes out and comes back, and qemu-img reads what went out.
. "$(dirname "$0")/lib.sh"
requires qemu-img

for gz in "$data"/*.img.gz; do
    name=$(basename "$gz" .img.gz)
    golden "$name"
    run 0 checkpoint --jobs 4 "$name.img" a.qcow2
    run 0 checkpoint --jobs 1 "$name.img" b.qcow2
    same a.qcow2 b.qcow2
    holds a.qcow2 "$name.img"
    qemu-img convert -f qcow2 -O raw a.qcow2 raw
    want=$(jq -r .image_sha256 "$data/$name.json")
    [ "$(sha256sum <raw)" = "$want  -" ] || fail "$name: qemu-img convert gives another image"
    run 0 verify a.qcow2
    run 0 restore a.qcow2 back
    same back "$name.img"
    run 0 compare --strict "$name.img" a.qcow2
    out_is "$name.img, a.qcow2: identical"
    # A checkpoint is an image.
    for verb in info map check; do
        "$program" $verb --json "$name.img" >from_image 2>&1 && status=0 || status=$?
        "$program" $verb --json a.qcow2 >from_checkpoint 2>&1 && now=0 || now=$?
        [ $status = $now ] || fail "$verb: $status of the image, $now of its checkpoint"
        sed -i "s/$name\.img/IMAGE/; s/a\.qcow2/IMAGE/" from_image from_checkpoint
        if [ "$status" = 0 ] && [ "$verb" = info ]; then
            jq 'del(.stored)' from_image >x && mv x from_image
            jq 'del(.stored)' from_checkpoint >x && mv x from_checkpoint
        fi
        same from_image from_checkpoint
    done
    rm -f a.qcow2 b.qcow2 raw back "$name.img"
done

# Every level; bytes that differ, content that does not.
golden e_btree_u64
run 0 checkpoint --json e_btree_u64.img 1.qcow2
hash=$(jq -r .content_hash out)
for level in 2 6 9; do
    run 0 checkpoint --json --level $level e_btree_u64.img $level.qcow2
    json .content_hash "\"$hash\""
    holds $level.qcow2 e_btree_u64.img
done
run 0 info --json 9.qcow2
json .stored.content_hash "\"$hash\""
json .stored.checkpoint true

# What exists is not replaced unasked, and never by a part of it.
refused 1 "1.qcow2: exists already" checkpoint e_btree_u64.img 1.qcow2
run 0 checkpoint --force e_btree_u64.img 1.qcow2
refused 1 "e_btree_u64.img: exists already" restore 1.qcow2 e_btree_u64.img
run 0 restore --force 1.qcow2 e_btree_u64.img
refused 8 "1.qcow2: is a qcow2 file, such as a checkpoint, and can only be read" \
    check --repair 1.qcow2

# A damaged one is found, named and never installed.
golden c_interleaved
run 0 checkpoint c_interleaved.img c.qcow2
cp c.qcow2 bad.qcow2
printf '\125' | dd of=bad.qcow2 bs=1 seek=80000 conv=notrunc status=none
run 4 verify bad.qcow2
grep -Eq '^error +cluster +page [0-9]+ of the image \(page [0-9]+ of memory [0-9]+\): ' out ||
    fail "$(cat out)"
cp c_interleaved.img target
run 1 restore --force bad.qcow2 target
same target c_interleaved.img
run 4 verify --json bad.qcow2
json .errors 1
head -c 100000 c.qcow2 >cut.qcow2
run 4 verify cut.qcow2
run 1 restore cut.qcow2 new
[ ! -e new ] || fail "a cut checkpoint was installed"
