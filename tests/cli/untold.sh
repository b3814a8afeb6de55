#!/bin/bash
# SPDX-License-Identifier: MIT
# What the bytes of a map or heap do not tell, the width and the order of keys, is never written by
# a guess, and never called an error or equal by one.
. "$(dirname "$0")/lib.sh"

for name in u64-0-0 f32-bytes-zero-only i64-keys principal-29-only; do
    gzip -dc "$data/maps/$name.img.gz" >"$name.img"
done
cat >n.toml <<'END'
3 = { name = "users", kind = "btreemap", key = "principal" }
4 = { name = "queue", kind = "minheap", value = "u64" }
END

# left IMAGE: as it was.
left() {
    gzip -dc "$data/maps/$1.gz" | cmp - "$1" || fail "$1 was changed"
}

# Several widths fit: readers say so, no writer acts on one.
for name in u64-0-0 f32-bytes-zero-only; do
    run 0 check "$name.img"
    grep -q '^note  *btree-key-width  memory 3: ' out || fail "$(cat out)"
    echo '{"key": "0000000000000001", "value": "00"}' | run 1 load --merge "$name.img" 3
    grep -q 'the key width must be given' err || fail "$(cat err)"
    left "$name.img"
    echo '{"key": ""}' | run 1 load --delete "$name.img" 3
    left "$name.img"
    run 1 dump "$name.img" 3
    grep -q 'the key width must be given; --key or --key-width does' err || fail "$(cat err)"
done
run 0 dump -k u64 -v u64 u64-0-0.img 3
out_is '{"key": 0, "value": 0}'
run 0 dump --key-width 32 f32-bytes-zero-only.img 3
grep -q "^{\"key\": \"$(printf '0%.0s' {1..64})\"" out || fail "$(cat out)"
echo '{"key": 1, "value": 2}' | run 0 load --merge -k u64 -v u64 u64-0-0.img 3
run 0 dump -k u64 -v u64 u64-0-0.img 3
out_is '{"key": 0, "value": 0}
{"key": 1, "value": 2}'

# A broken byte order is no damage: only a told order judges.
run 0 check i64-keys.img
out_is "i64-keys.img: clean"
run 0 dump i64-keys.img 3
sed 's/^.*"key": "\([^"]*\)".*$/\1/' out >keys
! sort -c keys 2>sorted || fail "the keys are in byte order"
cp out records
sort records >all
run 0 load --replace i64-keys.img 3 records
left i64-keys.img
while read -r key; do
    run 0 dump --get "$key" i64-keys.img 3
    cat out >>got
done <keys
sort got | cmp - all || fail "not every key is found"
run 0 load --delete i64-keys.img 3 all
run 0 dump --count i64-keys.img 3
out_is 0

# The order in which known orders place a key differently must be told.
run 1 load --merge principal-29-only.img 3 "$data/maps/principal-10-byte-key.jsonl"
grep -q 'the order of keys must be given; --key, --key-width or --order does' err || fail "$(cat err)"
left principal-29-only.img
run 0 load --merge --order length principal-29-only.img 3 "$data/maps/principal-10-byte-key.jsonl"
out_is "1 added, 0 changed, 0 removed, 0 as they were"
run 0 dump -n 1 principal-29-only.img 3
out_is '{"key": "7f000000000000000101", "value": "0000000000000063"}'
"$program" schema --names n.toml principal-29-only.img >out 2>err || true
if ! grep -q 'built without TOML' err; then
    run 0 check --names n.toml principal-29-only.img
    out_is "principal-29-only.img: clean"
    gzip -dc "$data/maps/i64-keys.img.gz" >i64-keys.img
    echo '3 = { name = "numbers", key_width = 8, order = "bytes" }' >wrong.toml
    run 4 check --names wrong.toml i64-keys.img
    grep -q '^error  *btree-order  memory 3: ' out || fail "$(cat out)"

    # A heap is filled as the library's push would.
    run 0 create -b 1 heap.img
    run 0 load --merge --names n.toml heap.img 4 "$data/maps/heap-random30.jsonl"
    run 0 dump --names n.toml heap.img 4
    jq -s 'map(.value) as $v | all(range(1; $v | length); $v[(. - 1) / 2 | floor] <= $v[.])' out >got
    [ "$(cat got)" = true ] || fail "no heap: $(cat out)"
    jq .value out | sort -n >got
    jq .value "$data/maps/heap-random30.jsonl" | sort -n | cmp - got || fail "other entries"
    run 0 check --names n.toml heap.img
    out_is "heap.img: clean"
    # Without the order, nothing is moved.
    cp heap.img before.img
    echo '{"index": 30, "value": "0000000000000000"}' | run 1 load --merge heap.img 4
    grep -q 'their order must be given; --value or --order does' err || fail "$(cat err)"
    same heap.img before.img
fi

# A second structure's header inside a memory is told: here buckets that change places.
gzip -dc "$data/h_structs.img.gz" >a.img
"$program" cat a.img 1 >numbers
run 0 create -f -b 1 b.img
head -c 65536 /dev/zero | cat - numbers | "$program" put b.img 5
run 0 check b.img
grep -q '^note  *structure-second  memory 5: the header of a vector lies at byte 65536: ' out || fail "$(cat out)"
"$program" cat a.img 1 | "$program" put b.img 5
run 0 check b.img
out_is "b.img: clean"
