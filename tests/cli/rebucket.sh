#!/bin/bash
# SPDX-License-Identifier: MIT
# rebucket: the same memories in buckets of another size, for every golden image, there and back.
. "$(dirname "$0")/lib.sh"

# memories IMAGE: what they hold, as the manifests say it.
memories() {
    local id
    for id in $("$program" info --json "$1" | jq '.memories[].id'); do
        echo "$id $("$program" cat "$1" "$id" | sha256sum | cut -d' ' -f1)"
    done
}

count=0
for manifest in "$data"/*.json; do
    [ "$(jq .manager "$manifest")" = true ] || continue
    name=$(basename "$manifest" .json)
    golden "$name"
    jq -r '.memories[] | select(.pages > 0) | "\(.id) \(.sha256)"' "$manifest" >want
    from=$name.img
    for pages in 1 2 16 128 1000 "$(jq .bucket_size_pages "$manifest")"; do
        run 0 rebucket --json -b "$pages" "$from" "to-$pages.img" --force
        hash=$(jq -r .memories_sha256 out)
        [ "$hash" = "${first:=$hash}" ] || fail "$name at $pages: the hash is $hash"
        run 0 check "to-$pages.img"
        out_is "to-$pages.img: clean"
        run 0 info --json "to-$pages.img"
        json '[.bucket_pages, .holes, .tail_bytes]' "[$pages,0,0]"
        # Each memory's buckets stand side by side, memories by their ids. No image has 4096.
        [ "$pages" = 1000 ] || [ ! -s want ] ||
            od -An -v -tu1 -w1 -j2080 -N4096 "to-$pages.img" | awk '$1 < last { exit 1 } { last = $1 }' ||
            fail "$name at $pages: the table does not ascend"
        [ "$from" = "$name.img" ] || rm "$from"
        from=to-$pages.img
        count=$((count + 1))
    done
    # Each was made of the one before, with the same hash: what the last holds, all did.
    memories "$from" >got
    same want got
    unset first
    rm -f ./*.img
done
[ "$count" -ge 90 ] || fail "only $count images were made"

# What it says.
golden k_waste g_raw_btree d_ragged
run 0 rebucket -b 1 k_waste.img small.img
hash=$("$program" rebucket --json -b 2 k_waste.img two.img | jq -r .memories_sha256)
out_is "small.img: buckets of 1 page instead of 128
  size      1.5 MiB, was 160.1 MiB: 158.6 MiB less, 620.17 G cycles a year
  waste     32 KiB a memory on average; the least that one takes is 64 KiB
  cap       2 GiB for all memories together (32,768 buckets)
  memories  $hash before and after"
[ "$(stat -c %s small.img)" = 1572864 ] || fail "small.img has $(stat -c %s small.img) bytes"

# The hash is the one that the header of memories_hash.h says.
python3 - d_ragged.img >want <<'EOF'
import hashlib, struct, sys
image = open(sys.argv[1], 'rb').read()
bucket_pages = struct.unpack_from('<H', image, 6)[0]
pages = struct.unpack_from('<255Q', image, 40)
owner = image[2080:34848]
h = hashlib.sha256(b'canisterfs memories 1')
for m in range(255):
    if not pages[m]:
        continue
    h.update(b'M' + bytes([m]) + struct.pack('<Q', pages[m]))
    mine = [b for b in range(32768) if owner[b] == m]
    for p in range(pages[m]):
        at = 65536 * (1 + mine[p // bucket_pages] * bucket_pages + p % bucket_pages)
        if any(image[at:at + 65536]):
            h.update(b'P' + struct.pack('<Q', p) + image[at:at + 65536])
print(h.hexdigest())
EOF
run 0 rebucket --json -b 3 d_ragged.img three.img
json .memories_sha256 "\"$(cat want)\""

# In its own place; and not without being told to.
cp k_waste.img own.img
refused 1 "own.img: exists already" rebucket -b 1 own.img own.img
run 0 rebucket -f -b 1 own.img own.img
same own.img small.img

# What cannot be. The memories: 40,000 pages, none of which the image needs to have on disk.
refused 2 "rebucket: --bucket-pages is missing; 'canisterfs advise' says which is best (see 'canisterfs rebucket --help')" \
    rebucket k_waste.img none.img
for pages in 0 65536 -1 x; do
    run 2 rebucket --bucket-pages="$pages" k_waste.img none.img
done
run 0 create -b 2 large.img
truncate -s 2621505536 large.img
run 0 put large.img 5 large.img
run 1 rebucket -b 1 large.img none.img
grep -q "the memories need 40001 buckets of 1 pages, and there can be no more than 32768: at that size an image holds 32768 pages" err ||
    fail "$(cat err)"
run 1 rebucket -b 1 g_raw_btree.img none.img
[ ! -e none.img ] || fail "something was written"
