#!/bin/bash
# SPDX-License-Identifier: MIT
# load into a memory that holds nothing makes the structure that the names file tells of, byte for
# byte as the library would.
. "$(dirname "$0")/lib.sh"

golden e_btree_u64 f_btree_unbounded h_structs
cat >n.toml <<'END'
0 = { name = "config", kind = "cell" }
1 = { name = "numbers", kind = "vec", value = "u64" }
2 = { name = "hashes", kind = "vec", max_value = 32, fixed = true }
3 = { name = "words", kind = "vec", max_value = 100, fixed = false }
4 = { name = "queue", kind = "minheap", value = "u64" }
5 = { name = "journal", kind = "log", data = 6 }
6 = { name = "journal-data", kind = "log-data" }
7 = { name = "members", kind = "btreeset", max_key = 16, key_width = -1, order = "bytes" }
8 = { name = "texts", kind = "vec", max_value = 300, fixed = false }
10 = { name = "map", kind = "btreemap", key = "u64", value = "u64" }
11 = { name = "files", kind = "btreemap", max_key = "unbounded" }
12 = { name = "users", kind = "btreemap", key = "principal", max_value = "unbounded" }
13 = { name = "blob", kind = "cbor" }
14 = { name = "nothing" }
15 = { name = "bare", kind = "btreemap" }
16 = { name = "bare-keys", kind = "btreemap", max_key = 8 }
17 = { name = "bare-width", kind = "btreemap", max_key = 8, max_value = 8 }
18 = { name = "bare-vec", kind = "vec" }
19 = { name = "bare-fixed", kind = "minheap", max_value = 8 }
20 = { name = "bare-log", kind = "log" }
21 = { name = "odd-log", kind = "log", data = 0 }
22 = { name = "endless", kind = "vec", max_value = "unbounded", fixed = false }
END
"$program" schema --names n.toml h_structs.img >out 2>err || true
! grep -q 'built without TOML' err || skip "no TOML"
load() { # IMAGE ID FILE
    run 0 load --merge --names n.toml "$@"
}
bytes() { # IMAGE ID OFFSET LENGTH
    "$program" cat -o "$3" -l "$4" "$1" "$2" | od -An -v -tx1 | tr -d " \n"
}

# What was only ever appended to is the same bytes again, but for what the library left behind of
# what it had popped.
same_memory() {
    cmp -l <("$program" cat new.img "$1") <("$program" cat h_structs.img "$1") >differing || true
    [ -z "$(awk '$2 != 0' differing)" ] && [ "$(wc -l <differing)" -lt 200 ] ||
        fail "memory $1: $(head -n 3 differing)"
}
run 0 create -b 16 new.img
for id in 1 2 3 5 8; do
    "$program" dump --names n.toml h_structs.img "$id" >records
    load new.img "$id" records
    [ "$(cat out)" = "$(wc -l <records | sed 's/^2000$/2,000/') added, 0 changed, 0 removed, 0 as they were" ] ||
        fail "$(cat out)"
    same_memory "$id"
done
same_memory 6
# Of others the header is, and the records are.
for id in 0 4 7; do
    "$program" dump --names n.toml h_structs.img "$id" >records
    load new.img "$id" records
    "$program" dump --names n.toml new.img "$id" | cmp - records || fail "memory $id"
done
[ "$(bytes new.img 0 0 8)" = "$(bytes h_structs.img 0 0 8)" ] || fail "cell"
[ "$(bytes new.img 4 0 64)" = "$(bytes h_structs.img 4 0 64)" ] || fail "heap"
for part in "0 12" "52 16"; do
    # shellcheck disable=SC2086
    [ "$(bytes new.img 7 $part)" = "$(bytes h_structs.img 7 $part)" ] || fail "set"
done
run 0 check new.img --names n.toml
out_is "new.img: clean"
run 0 diff --records new.img h_structs.img

# Empty maps, by the library's header: pages of 275 bytes, of 1024 where something is unbounded.
free_chunk=43484b01000000000000000000000000
for spec in "map 13010000" "files 00040000" "users 00040000"; do
    read -r name page <<<"$spec"
    cp new.img more.img
    load more.img "$name" /dev/null
    run 0 cat --names n.toml more.img "$name"
    [ "$(stat -c %s out)" = 65536 ] || fail "$(stat -c %s out) bytes"
    [ "$(head -c 116 out | od -An -v -tx1 | tr -d " \n")" = "42545202${page}ffffffff00000000000000000000000000000000$(
        printf '0%.0s' {1..48})42544101000000$(printf '00')${page}000000000000000000000000640000000000000000000000000000000000000000000000$free_chunk" ] ||
        fail "$name: $(head -c 116 out | od -An -v -tx1)"
done
"$program" dump -k u64 -v u64 e_btree_u64.img 0 >records
load new.img map records
"$program" dump --names n.toml new.img map | cmp - records || fail "map"
"$program" dump -k principal f_btree_unbounded.img 3 >records
load new.img users records
"$program" dump --names n.toml new.img users | cmp - records || fail "users"
run 0 check --names n.toml new.img
out_is "new.img: clean"
# Zeros are nothing, too.
head -c 131072 /dev/zero | "$program" put new.img 11
echo '{"key": "00", "value": "11"}' | "$program" load --merge --names n.toml new.img files >out
out_is "1 added, 0 changed, 0 removed, 0 as they were"

# Nothing is made on trial, nor without what is needed, which is told.
run 0 create -b 1 none.img
cp none.img kept.img
echo '{"key": "0000000000000001", "value": "00"}' >record
load none.img map /dev/null --dry-run
refuses() {
    refused 1 "none.img: memory $2 holds nothing yet, and the names file does not tell its $3" \
        load --merge --names n.toml none.img "$1" record
}
refuses nothing 14 kind
refuses bare 15 max_key
refuses bare-keys 16 max_value
refuses bare-width 17 key_width
refuses bare-vec 18 max_value
refuses bare-fixed 19 fixed
refuses bare-log 20 data
refused 1 "none.img: memory 9 holds nothing yet: --names must tell what it is to be" \
    load --merge none.img 9 record
refused 1 "none.img: no cbor can be made of nothing" load --merge --names n.toml none.img blob record
refused 1 "none.img: a vec has entries of bounded length only" \
    load --merge --names n.toml none.img endless record
refused 1 "none.img: one record is needed" load --merge --names n.toml none.img config /dev/null
refused 1 "none.img: there is no memory 0: the image holds none" \
    load --delete --names n.toml none.img config record
same none.img kept.img
run 1 load --merge --names n.toml new.img odd-log record
grep -q "memory 0 is to hold the data of the log, but is not empty" err || fail "$(cat err)"
