#!/bin/bash
# SPDX-License-Identifier: MIT
# schema: an image fits what the code expects, or it is told where not.
. "$(dirname "$0")/lib.sh"

golden h_structs
cat >good.toml <<'END'
0 = { name = "config", kind = "cell" }
1 = { name = "numbers", kind = "vec", value = "u64", max_value = 8, fixed = true }
2 = { name = "hashes", kind = "vec" }
3 = { name = "words", kind = "vec", max_value = 100, fixed = false }
4 = { name = "queue", kind = "minheap" }
5 = { name = "journal", kind = "log", data = 6 }
6 = { name = "journal-data", kind = "log-data" }
7 = { name = "members", kind = "btreeset" }
8 = { name = "texts", kind = "vec", state = "deprecated" }
9 = { name = "later", kind = "btreemap", state = "new" }
END
"$program" schema --names good.toml h_structs.img >out 2>err || {
    grep -q 'built without TOML' err && skip "no TOML"
    fail "$(cat out err)"
}
out_is "h_structs.img: fits the code"

cat >bad.toml <<'END'
bucket_pages = 77
0 = { name = "config", kind = "btreemap" }
1 = { name = "numbers", kind = "vec", max_value = 9 }
2 = { name = "hashes", kind = "minheap" }
4 = { name = "queue", kind = "minheap", state = "new" }
5 = { name = "journal", state = "removed" }
END
run 1 schema --names bad.toml --json h_structs.img
json .fits false
json '[.findings[] | [.id, .memory]]' \
    '[["bucket-size",null],["would-overwrite",0],["wrong-bounds",1],["wrong-kind",2],["unnamed",3],["reused-id",4],["removed-held",5],["unnamed",6],["unnamed",7],["unnamed",8]]'
run 1 schema --names bad.toml h_structs.img
grep -q '^h_structs.img: does not fit the code$' out || fail "$(cat out)"
run 2 schema h_structs.img
run 2 schema --names missing.toml h_structs.img

# Every record is decoded by the types that the file tells, and keys have their width and order.
golden f_btree_unbounded e_btree_u64
types() {
    printf '2 = { name = "files", kind = "btreemap", key = "%s", max_value = "unbounded" }\n' "$1" >types.toml
    printf '3 = { name = "users", kind = "btreemap", key = "%s", value = "%s" }\n' "$2" "$3" >>types.toml
}
types utf8 principal u64
run 0 schema --names types.toml f_btree_unbounded.img
out_is "f_btree_unbounded.img: fits the code"
run 0 schema --names types.toml --sample 5 f_btree_unbounded.img
types principal utf8 u64
run 1 schema --names types.toml --json f_btree_unbounded.img
json '[.findings[] | [.id, .memory]]' '[["wrong-order",2],["wrong-order",3]]'
types utf8 principal u32
run 1 schema --names types.toml f_btree_unbounded.img
grep -q "^error *wrong-type *memory 3 ('users'): the value of key .*: 8 bytes are no number of 4" out || fail "$(cat out)"
types u64 principal u64
run 1 schema --names types.toml --json f_btree_unbounded.img
json '[.findings[].memory]' '[2]'
echo '0 = { name = "numbers", kind = "btreemap", key = "blob(8)", value = "u64" }' >types.toml
run 1 schema --names types.toml --json e_btree_u64.img
json '[.findings[].memory]' '[0]'
echo '0 = { name = "numbers", kind = "btreemap", key = "u64", max_key = 8, max_value = 9 }' >types.toml
run 1 schema --names types.toml --json e_btree_u64.img
json '[.findings[].id]' '["wrong-bounds"]'
# A width that is only a guess is no match; the data of a log needs no name.
gzip -dc "$data/maps/u64-0-0.img.gz" >guess.img
echo '3 = { name = "numbers", kind = "btreemap", key = "hex" }' >types.toml
run 1 schema --names types.toml --json guess.img
json '[.findings[].id]' '["guess"]'
echo '3 = { name = "numbers", kind = "btreemap", key = "u64", value = "u64" }' >types.toml
run 0 schema --names types.toml guess.img
grep -v '^6 ' good.toml >no-data.toml
run 0 schema --names no-data.toml h_structs.img
out_is "h_structs.img: fits the code"
