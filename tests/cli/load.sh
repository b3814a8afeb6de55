#!/bin/bash
# SPDX-License-Identifier: MIT
# load: what dump printed goes back, changed or not, and the structures stay sound.
. "$(dirname "$0")/lib.sh"

golden e_btree_u64 f_btree_unbounded g_btree_v1 h_structs i_upgrade

dump() {
    "$program" dump "$@" 2>/dev/null
}

# clean IMAGE: without any finding.
clean() {
    run 0 check "$1"
    out_is "$1: clean"
}

# The way there and back is the identity, and writes nothing at all.
for spec in 'e_btree_u64 0 -k u64 -v u64' 'f_btree_unbounded 2 -k utf8' 'f_btree_unbounded 3 -k principal' \
    'g_btree_v1 1' 'g_btree_v1 2 -k u64' 'h_structs 0' 'h_structs 1' 'h_structs 2' 'h_structs 3' \
    'h_structs 4' 'h_structs 5 -v utf8' 'h_structs 7' 'h_structs 8' 'i_upgrade 0 -v cbor' 'i_upgrade 1'; do
    read -r name id codecs <<<"$spec"
    cp "$name.img" a.img
    # shellcheck disable=SC2086
    dump $codecs a.img "$id" >all
    # shellcheck disable=SC2086
    run 0 load --replace $codecs a.img "$id" all
    grep -q "^0 added, 0 changed, 0 removed, .* as they were$" out || fail "$spec: $(cat out)"
    same a.img "$name.img"
done

# model IMAGE ID [CODEC...]: 10,000 records changed or 1,000 new and 1,000 deleted ones, as far as
# there are so many, with the structure and a model compared after each step.
model() {
    local image=$1 id=$2
    shift 2
    cp "$image.img" a.img
    dump "$@" a.img "$id" >all
    # New values for all, of the same lengths.
    jq -c '.value |= (explode | map(if . == 48 then 49 elif . == 49 then 48 else . end) | implode)' all >changed
    run 0 load --merge "$@" a.img "$id" changed
    dump "$@" a.img "$id" | jq -c . >got
    same got changed
    clean a.img
    # Every tenth out, and as many new ones in.
    awk 'NR % 10 == 1 && NR < 10000' changed >gone
    run 0 load --delete "$@" a.img "$id" gone
    grep -q "^0 added, 0 changed, $(wc -l <gone | sed 's/1000/1,000/') removed" out || fail "$(cat out)"
    awk 'NR % 10 != 1 || NR >= 10000' changed >rest
    dump "$@" a.img "$id" | jq -c . >got
    same got rest
    clean a.img
    run 0 load --merge "$@" a.img "$id" gone
    dump "$@" a.img "$id" | jq -c . >got
    same got changed
    clean a.img
    # And back to what it was, from nothing.
    run 0 load --replace "$@" a.img "$id" /dev/null
    run 0 dump --count "$@" a.img "$id"
    out_is 0
    clean a.img
    run 0 load --replace "$@" a.img "$id" all
    dump "$@" a.img "$id" >got
    same got all
    clean a.img
}
# Once it is empty, nothing tells whether keys have their length before them, nor their order.
model e_btree_u64 0 --key-width 8 --order bytes
model f_btree_unbounded 2 --key-width prefixed --order bytes
model f_btree_unbounded 3 -k principal
model g_btree_v1 1 --key-width prefixed --order bytes
model g_btree_v1 2 --key-width 8 --order bytes
model i_upgrade 1 --key-width 8 --order bytes
model h_structs 7 --key-width prefixed --order bytes

# The other memories keep what they hold.
cp h_structs.img a.img
dump -n 100 a.img 7 >some
run 0 load --json --replace a.img 7 some
json '[.added, .changed, .removed, .unchanged, .missing]' '[0,0,498,100,0]'
for id in 0 1 2 3 4 5 6 8; do
    "$program" cat a.img $id >after
    "$program" cat h_structs.img $id >before
    same after before
done

# Vectors, logs, cells.
cp h_structs.img a.img
echo '{"index": 2000, "value": "0000000000000007"}' >one
run 0 load --merge a.img 1 one
out_is "1 added, 0 changed, 0 removed, 0 as they were"
run 0 dump --get 2000 -v u64 a.img 1
out_is '{"index": 2000, "value": 7}'
dump -v utf8 -n 200 a.img 5 >log
echo '{"index": 200, "value": "the end"}' >>log
run 0 load --replace -v utf8 a.img 6 log
out_is "0 added, 1 changed, 99 removed, 200 as they were"
dump -v utf8 a.img 5 >got
same got log
clean a.img
echo '{"value": "616263"}' | run 0 load --merge a.img 0
run 0 dump -v utf8 a.img 0
out_is '{"value": "abc"}'

# A memory grows, and an image that has no room for it stays as it is.
cp f_btree_unbounded.img a.img
awk 'BEGIN { for (i = 0; i < 3000; i++) { printf "{\"key\": \"key %d\", \"value\": \"", i; for (j = 0; j < 100; j++) printf "%010d", i; print "\"}" } }' >many
run 0 load --merge -k utf8 -v utf8 a.img 2 many
run 0 dump --count a.img 2
out_is 3303
clean a.img

# Of an empty map nobody can tell.
cp e_btree_u64.img a.img
run 0 load --replace a.img 0 /dev/null
echo '{"key": "0011223344556677", "value": "00"}' >one
run 1 load --merge a.img 0 one
grep -q 'the key width must be given; --key, --key-width or --order does' err || fail "$(cat err)"
run 0 load --merge -k u64 a.img 0 <<<'{"key": 5, "value": "0000000000000001"}'
run 0 dump -k u64 a.img 0
out_is '{"key": 5, "value": "0000000000000001"}'

# Nothing half done: a bad line, a bad value, a dry run, damage.
cp e_btree_u64.img a.img
dump --limit 5 e_btree_u64.img 0 >some
sed -i '5s/value/worth/' some
run 1 load --replace a.img 0 some
err_is 'canisterfs: a.img: line 5: "worth" is no part of a record here'
same a.img e_btree_u64.img
echo '{"key": "0011223344556677", "value": "00"}' >some
run 0 load --merge --dry-run a.img 0 some
same a.img e_btree_u64.img
echo '{"key": "00112233", "value": "00"}' | run 1 load --merge a.img 0
err_is "canisterfs: a.img: line 1: a key of 4 bytes in a map whose keys all have 8"
echo '{"key": "0011223344556677", "value": "001122334455667788"}' | run 1 load --merge a.img 0
same a.img e_btree_u64.img
run 2 load a.img 0 some
err_is "canisterfs: load: one of --merge, --replace and --delete is needed (see 'canisterfs load --help')"
# The first node of the map.
printf 'X' | dd of=a.img bs=1 seek=$((65536 + 100 + 16 + 291 * 100)) conv=notrunc status=none
cp a.img damaged.img
run 1 load --merge a.img 0 some
grep -q 'it is damaged, so nothing is loaded into it' err || fail "$(cat err)"
same a.img damaged.img
