#!/bin/bash
# SPDX-License-Identifier: MIT
# The codec protobuf: every message leads to JSON and back to the same bytes, by another reader, too.
. "$(dirname "$0")/lib.sh"
requires python3 jq
choose_seed

cat >n.toml <<'EOF'
[1]
name = "m"
kind = "btreemap"
key = "bytes(8)"
value = "hex"
max_key = 8
max_value = "unbounded"
EOF
[ "$("$program" schema --names n.toml /dev/null 2>&1 | grep -c 'built without TOML')" = 0 ] || skip "no TOML"
run 0 create --bucket-pages 2 a.img
cp a.img b.img
python3 "$here/protobuf.py" make "$seed" "$(rounds 500)" >lines
run 0 load --merge --names n.toml a.img m lines
run 0 dump --names n.toml -v protobuf a.img m
cp out shown
python3 "$here/protobuf.py" read shown
run 0 load --merge --names n.toml -v protobuf b.img m shown
run 0 dump --names n.toml b.img m
jq -c . out >back
jq -c . lines >want.lines
same back want.lines

# one WANT HEX: what a value is shown as.
one() {
    cp empty.img c.img
    echo "{\"key\": \"0000000000000001\", \"value\": \"$2\"}" >line
    run 0 load --merge --names n.toml c.img m line
    run 0 dump --names n.toml -v protobuf c.img m
    [ "$(jq -c .value out)" = "$1" ] || fail "$2 is shown as $(cat out)"
}
run 0 create --bucket-pages 2 empty.img
one '[{"1":150}]' 089601
one '[{"2":"testing"}]' 120774657374696e67
one '[{"3":[{"1":150}]}]' 1a03089601
one '[{"4":{"$fixed32":1}}]' 2501000000
one '[{"1":{"$varint":"18446744073709551615"}}]' 08ffffffffffffffffff01
one '[]' ''
# A number that is longer than it need be leads back by its digits alone.
one '{"$protobuf":[{"1":1}],"$hex":"088100"}' 088100

for bad in 08 0a05 07 00 0b0c08; do
    cp empty.img c.img
    echo "{\"key\": \"0000000000000001\", \"value\": \"$bad\"}" >line
    run 0 load --merge --names n.toml c.img m line
    run 1 dump --names n.toml -v protobuf c.img m
    grep -q "are no protobuf message" err || fail "said: $(cat err)"
done
for bad in '{"1": 2}' '[{"0": 1}]' '[{"1": 1.5}]' '[{"1": {"$fixed32": 4294967296}}]' '[{"1": 1, "2": 2}]' \
    '[{"1": {"$bytes": "0"}}]' '[[]]'; do
    echo "{\"key\": \"0000000000000001\", \"value\": $bad}" >line
    run 1 load --merge --names n.toml -v protobuf empty.img m line
done
