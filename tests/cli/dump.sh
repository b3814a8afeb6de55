#!/bin/bash
# SPDX-License-Identifier: MIT
# dump: the records of every kind of structure, by codec, by range, by key.
. "$(dirname "$0")/lib.sh"

golden e_btree_u64 f_btree_unbounded g_raw_btree h_structs i_upgrade

# Keys of one width are found, and it is said; a codec of that width needs no word.
run 0 dump --limit 1 e_btree_u64.img 0
out_is '{"key": "000044fc50a81570", "value": "76103b870565dfb2"}'
err_is "canisterfs: e_btree_u64.img: keys are taken for 8 bytes wide: that alone fits the nodes"
run 0 dump -n 2 -k u64 -v u64le e_btree_u64.img 0
out_is '{"key": 75850475640176, "value": "12889131732975685750"}
{"key": 421860637000105, "value": "6794049323490565023"}'
err_is ""
run 0 dump --count e_btree_u64.img 0
out_is 10000

# Ranges are half open; a key is looked for.
run 0 dump -k u64 --count --range 75850475640176..421860637000105 e_btree_u64.img 0
out_is 1
run 0 dump -k u64 --count --range ..75850475640176 e_btree_u64.img 0
out_is 0
run 0 dump --count --range fff5.. --key-width 8 e_btree_u64.img 0
out_is 1
run 0 dump -k u64 -v u64 --get 421860637000105 e_btree_u64.img 0
out_is '{"key": 421860637000105, "value": "11482810165826111838"}'
refused 1 "e_btree_u64.img: the map has no such key" dump -k u64 --get 17 e_btree_u64.img 0
refused 1 "e_btree_u64.img: '-1' is not a number that fits 8 bytes" dump -k u64 --get -1 e_btree_u64.img 0

# Principals are sorted by length first.
run 0 dump -k principal -v u64 --limit 2 f_btree_unbounded.img 3
out_is '{"key": "aaaaa-aa", "value": "17428808786587350197"}
{"key": "ujubw-aqf", "value": "16088563869946773356"}'
run 0 dump -k principal -v u64 --get ujubw-aqf f_btree_unbounded.img 3
out_is '{"key": "ujubw-aqf", "value": "16088563869946773356"}'
run 1 dump -k principal --get ujubw-aqg f_btree_unbounded.img 3
grep -q 'wrong checksum' err || fail "$(cat err)"
run 0 dump -k utf8 --limit 1 f_btree_unbounded.img 2
out_is '{"key": "", "value": "656d707479206b6579"}'

# Other kinds, and a raw image.
run 0 dump -k u32 --limit 1 g_raw_btree.img
out_is '{"key": 7024337, "value": "80bd0caab50000c01a0d1d690d531b9212469216adaa77"}'
run 0 dump --range 1998.. -v u64 h_structs.img 1
out_is '{"index": 1998, "value": "15845457468230047675"}
{"index": 1999, "value": "13080269884781499788"}'
for id in 5 6; do
    run 0 dump -v utf8 --get 2 h_structs.img $id
    out_is '{"index": 2, "value": "über token video alpha memory "}'
done
run 0 dump --count h_structs.img 0
out_is 1
run 0 dump -v cbor i_upgrade.img 0
json '.value.version_details.version' '"v1.2.3"'
json '.value.profile == {"display_name": "Zoë 🦀", "picture_url": null, "followers": 39178959421, "score": 654.1,
    "ratio_f16": {"$f16": 1}}' true

# Candid, its field names from an interface; edits of what cannot be read back are noticed.
cp h_structs.img candid.img
message=4449444c036c06bfe9a7027dd0a0cf027cb3b8d20201beceea0268ddfae4880402cbe4fdc704716e7b6d7b0100ac027f012a010003616263055a6fc3ab21
echo "{\"value\": \"$message\"}" | "$program" load --merge candid.img 0 >/dev/null
echo 'type T = record { name: text; age: nat; opt: opt nat8; blob: blob; neg: int; who: principal };' >x.did
run 0 dump -v candid:x.did --plain candid.img 0
out_is '{"value": [{"age": 300, "neg": -1, "opt": [42], "who": "aaaaa-aa", "blob": {"$bytes": "616263"}, "name": "Zoë!"}]}'
run 0 dump -v candid candid.img 0
json '.value["$candid"][0]._4846783' 300
cp out record
run 0 load --replace -v candid candid.img 0 record
out_is "0 added, 0 changed, 0 removed, 1 as they were"
sed -i s/300/301/ record
run 1 load --replace -v candid candid.img 0 record
grep -q 'was changed, but only "$hex" can be read back' err || fail "$(cat err)"

# A command, and what comes of it; its bytes come along unless they are not wanted.
lengths='echo x >>started; while read -r hex; do echo $((${#hex} / 2)); done'
run 0 dump -n 1 -k utf8 -v "exec:$lengths" f_btree_unbounded.img 2
out_is '{"key": "", "value": {"$exec": 9, "$hex": "656d707479206b6579"}}'
run 0 dump -n 1 -k utf8 -v "exec:$lengths" --plain f_btree_unbounded.img 2
out_is '{"key": "", "value": 9}'
run 1 dump -n 1 -v 'exec:exit 3' f_btree_unbounded.img 2
err_is "canisterfs: f_btree_unbounded.img: key : 'exit 3' ended with exit code 3 before it answered"
run 1 dump -n 1 -v 'exec:echo no' f_btree_unbounded.img 2
grep -q "what 'echo no' printed is not JSON" err || fail "$(cat err)"
# One process for all values, however long they are.
rm started
run 0 dump -v "exec:$lengths" --plain f_btree_unbounded.img 2
jq .value out >got
"$program" dump f_btree_unbounded.img 2 | jq '.value | length / 2' | cmp - got || fail "other lengths"
[ "$(cat started)" = x ] || fail "it was started more than once"

# What does not fit is told with the record it is in; what came before it is there.
run 1 dump -v utf8 h_structs.img 1
err_is "canisterfs: h_structs.img: record 0: 8 bytes that are not UTF-8"
run 1 dump -k u32 e_btree_u64.img 0
grep -q 'no width of keys fits' err || fail "$(cat err)"
refused 1 "h_structs.img: this image has memories: say which one's records" dump h_structs.img
run 2 dump -k u33 h_structs.img 1
run 1 dump h_structs.img 77
run 1 dump --get 9 h_structs.img 0

# Names stand for ids, with their codecs; what is removed is refused.
cat >names.toml <<'END'
1 = { name = "numbers", kind = "vec", value = "u64" }
4 = { name = "gone", state = "removed" }
5 = { name = "journal", kind = "log", value = "utf8", data = 6 }
7 = { name = "wrong", kind = "cell" }
END
if "$program" dump --names names.toml h_structs.img numbers -n 1 >out 2>err; then
    out_is '{"index": 0, "value": "4130634898909813595"}'
    run 0 dump --names names.toml --get 0 h_structs.img journal
    out_is '{"index": 0, "value": "stable neuron memory alpha memory "}'
    refused 2 "dump: memory 4 ('gone') is removed by the names file (see 'canisterfs dump --help')" \
        dump --names names.toml h_structs.img 4
    refused 1 "h_structs.img: memory 7 ('wrong') is a cell by the names file, but holds a btree" \
        dump --names names.toml h_structs.img wrong
    echo '3 = { name = "x", colour = "red" }' >bad.toml
    run 2 dump --names bad.toml h_structs.img x
    grep -q "names file bad.toml: memory 3: 'colour' is not known" err || fail "$(cat err)"
    echo '3 = {' >bad.toml
    run 2 dump --names bad.toml h_structs.img x
    grep -q "names file bad.toml: line 1" err || fail "$(cat err)"
else
    grep -q 'built without TOML' err || fail "$(cat err)"
fi

# A reader that goes away is no failure worth a word.
{ "$program" dump -k u64 e_btree_u64.img 0 2>err || true; } | head -n 1 >/dev/null
err_is ""
# But for one that cannot be served there is one.
got=0
"$program" dump h_structs.img 1 2>err >/dev/full || got=$?
[ "$got" = 1 ] || fail "exited $got"
grep -q 'No space left on device$' err || fail "said: $(cat err)"

# Numbers of every length are as Python writes them; from 2^53 on they are text.
python3 - <<'EOF'
import random, struct
n = [10 ** i + d for i in range(1, 20) for d in (-1, 0)] + [2 ** i + d for i in range(1, 64) for d in (-1, 0)]
n += [0, 2 ** 64 - 1] + [random.Random(1).getrandbits(b) for b in range(1, 65) for _ in range(8)]
with open('hex', 'w') as as_hex, open('want', 'w') as want:
    for i, value in enumerate(n):
        as_hex.write('{"value": "%s"}\n' % struct.pack('<Q', value).hex())
        want.write('{"index": %d, "value": %s}\n' % (i, value if value < 2 ** 53 else '"%d"' % value))
EOF
run 0 load --replace h_structs.img 1 hex
run 0 dump -v u64le h_structs.img 1
same out want
