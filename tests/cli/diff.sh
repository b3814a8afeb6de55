#!/bin/bash
# SPDX-License-Identifier: MIT
# diff --records: what was added, removed and changed, wherever it lies.
. "$(dirname "$0")/lib.sh"

golden h_structs f_btree_unbounded i_upgrade
run 0 diff --records h_structs.img h_structs.img
out_is ""

cp h_structs.img a.img
echo '{"key": "ffff", "value": ""}' | run 0 load --merge a.img 7
echo '{"index": 3, "value": "0000000000000001"}' | run 0 load --merge a.img 1
echo '{"index": 300, "value": "more"}' | run 0 load --merge -v utf8 a.img 5
run 1 diff --records h_structs.img a.img
out_is '{"memory": 1, "change": "changed", "index": 3, "old": "e86d1ceaf5a30451", "new": "0000000000000001"}
{"memory": 5, "change": "added", "index": 300, "value": "6d6f7265"}
{"memory": 7, "change": "added", "key": "ffff", "value": ""}'
run 1 diff --records -v u64 a.img h_structs.img 1
out_is '{"memory": 1, "change": "changed", "index": 3, "old": 1, "new": "16748074384729769041"}'

# The same records in another layout are the same; so are principals in their own order.
cp f_btree_unbounded.img a.img
"$program" dump -k principal a.img 3 >all
shuf all >mixed
run 0 load --replace -k principal a.img 3 /dev/null
run 0 load --replace -k principal a.img 3 mixed
"$program" cat a.img 3 >x
"$program" cat f_btree_unbounded.img 3 >y
! cmp -s x y || fail "the layout should have changed"
run 0 diff --records f_btree_unbounded.img a.img
sed -n '5p;100p' all | run 0 load --delete -k principal a.img 3
run 1 diff --records f_btree_unbounded.img a.img
[ "$(jq -r .change out | sort | uniq -c | tr -s ' ')" = " 2 removed" ] || fail "$(cat out)"

# A memory that only one has is all added; other kinds cannot be compared.
run 1 diff --records h_structs.img i_upgrade.img 8
[ "$(wc -l <out)" = 100 ] || fail "$(wc -l <out) lines"
run 2 diff --records h_structs.img i_upgrade.img 1
err_is "canisterfs: memory 1 is a vec in one and a btree in the other"
run 2 diff h_structs.img i_upgrade.img

# Without ID, the names file's codecs are those of each memory; a value of no bytes is shown as such.
echo '7 = { name = "members", kind = "btreeset", key = "blob(16)", value = "cbor" }' >n.toml
cp h_structs.img a.img
echo '{"key": "ffff", "value": ""}' | run 0 load --merge a.img 7
if "$program" diff --records --names n.toml h_structs.img a.img >out 2>err || [ $? = 1 ]; then
    out_is '{"memory": 7, "name": "members", "change": "added", "key": "ffff", "value": {"$hex": ""}}'
else
    grep -q 'built without TOML' err || fail "$(cat err)"
fi
