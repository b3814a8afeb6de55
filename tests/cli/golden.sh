#!/bin/bash
# SPDX-License-Identifier: MIT
# What info and cat say of every golden image is what its manifest says.
. "$(dirname "$0")/lib.sh"

count=0
for manifest in "$data"/*.json; do
    name=$(basename "$manifest" .json)
    golden "$name"
    run 0 info --json "$name.img"
    json .schema 1
    json .pages "$(jq '.image_size / 65536' "$manifest")"
    if [ "$(jq .manager "$manifest")" = true ]; then
        json .kind '"managed"'
        json .bucket_pages "$(jq .bucket_size_pages "$manifest")"
        json .cap_pages "$(jq '.bucket_size_pages * 32768' "$manifest")"
        json .buckets "$(jq .num_allocated_buckets "$manifest")"
        json .holes "$(jq '.num_allocated_buckets - ([.memories[].buckets[]] | length)' "$manifest")"
        json '[.memories[] | [.id, .pages, .bytes, .buckets]]' \
            "$(jq -c '[.memories[] | [.id, .pages, .pages * 65536, (.buckets | length)]]' "$manifest")"
        json '[.memories[].slack_bytes]' "$(jq -c '.bucket_size_pages as $b |
            [.memories[] | ((.buckets | length) * $b - .pages) * 65536]' "$manifest")"
    else
        json .kind '"raw"'
        json .memories '[]'
    fi
    while read -r id sha; do
        run 0 cat "$name.img" "$id"
        [ "$(sha256sum <out)" = "$sha  -" ] || fail "memory $id of $name is not as it should be"
        count=$((count + 1))
    done < <(jq -r '.memories[] | "\(.id) \(.sha256)"' "$manifest")
    [ "$(sha256sum <"$name.img")" = "$(jq -r .image_sha256 "$manifest")  -" ] ||
        fail "looking at $name has changed it"
    rm "$name.img"
done
[ "$count" -ge 50 ] || fail "only $count memories were compared"
