#!/bin/bash
# SPDX-License-Identifier: MIT
# advise: what every bucket size would cost, and the one to take.
. "$(dirname "$0")/lib.sh"

golden k_waste d_ragged a_empty g_raw_btree
run 0 advise --json k_waste.img
json '[.data_bytes, .memories, .bucket_pages, .room_bytes, .best_bucket_pages]' '[1507328,20,128,15073280,1]'
json '[.sizes[].bucket_pages]' '[1,2,4,8,16,32,64,128,256]'
json '.sizes[0] | [.image_bytes, .waste_bytes, .cap_bytes, .best]' '[1572864,0,2147483648,true]'
json '.sizes[7] | [.image_bytes, .waste_bytes, .cap_bytes, .now, .cycles_per_year]' \
    "[167837696,166264832,274877906944,true,$(python3 -c 'print(167837696 * 127000 * 31536000 >> 30)')]"
# What it says an image would be, it is.
cp out advice
for pages in 1 8 128; do
    run 0 rebucket --json -b $pages k_waste.img x.img -f
    json .image_bytes "$(jq ".sizes[] | select(.bucket_pages == $pages).image_bytes" advice)"
    [ "$(stat -c %s x.img)" = "$(jq .image_bytes out)" ] || fail "x.img has another length"
done

# Room decides: the smallest image that can hold it.
for case in "1 1" "2G 1" "2147483649 2" "100G 64" "512G 256"; do
    read -r room best <<<"$case"
    run 0 advise --json --room "$room" d_ragged.img
    json .best_bucket_pages "$best"
done
refused 1 "d_ragged.img: no bucket size up to 256 pages can hold 513 GiB; a canister has at most 500 GiB of stable memory" \
    advise --room 513G d_ragged.img
refused 1 "a_empty.img: there is no data yet to go by; say with --room how much the memories are to hold" \
    advise a_empty.img
run 0 advise --room 1G a_empty.img
run 1 advise g_raw_btree.img

# In words.
run 0 advise k_waste.img
grep -q '^Take buckets of 1 page: 158.6 MiB and 620.17 G cycles a year less than now' out || fail "$(cat out)"
grep -q 'canisterfs rebucket --bucket-pages 1 k_waste.img OUT' out || fail "$(cat out)"
run 0 advise d_ragged.img
grep -q '^Buckets of 1 page are right for this image' out || fail "$(cat out)"
# A size that is none of the usual ones has its own row.
run 0 rebucket -b 3 d_ragged.img three.img
run 0 advise --json three.img
json '[.sizes[] | select(.now).bucket_pages]' '[3]'
json '[.sizes[].bucket_pages]' '[1,2,3,4,8,16,32,64,128,256]'
