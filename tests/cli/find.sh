#!/bin/bash
# SPDX-License-Identifier: MIT
# find: every copy of some bytes, in whatever it lies.
. "$(dirname "$0")/lib.sh"

golden n_stale_reinit j_raw_cbor c_interleaved m_hole_mid m_slack

# The dump that a manager was made over is still there, but for its beginning and what was written.
run 0 find --json --offset 34848 --length 30752 n_stale_reinit.img j_raw_cbor.img
json '.matches' '[{"place":"page 0","memory":null,"offset":34848,"bucket":null,"image_offset":34848,"pieces":1,"reaches_into":"memory"}]'
run 0 find --json --offset 0 -l 100 n_stale_reinit.img j_raw_cbor.img
json .count 0
for case in '34848 100 "page 0" null 34848' '65536 100 "memory" 0 0' '131072 40 "memory" 0 65536' \
    '200000 100 "memory" 5 3392' '270000 64 "tail" null 270000'; do
    eval "set -- $case"
    run 0 find --json -o "$1" -l "$2" n_stale_reinit.img j_raw_cbor.img
    json '[.matches[0] | .place, .memory, .offset, .image_offset]' "[\"$3\",$4,$5,$1]"
done
run 0 find -o 200000 -l 100 n_stale_reinit.img j_raw_cbor.img
out_is "n_stale_reinit.img: 1 copy of 100 bytes

  found in  memory    at  bucket  in the image at  pieces  reaches into
  memory         5  3392       2           200000       1  -"
run 0 find -t nothing-such n_stale_reinit.img
out_is "n_stale_reinit.img: not found"

# Bytes that lie in two buckets that are not side by side are in the image in two pieces.
bucket=1048576
buckets() { jq "[.memories[] | select(.id == $1).buckets[]]" "$data/c_interleaved.json"; }
id=$(jq '[.memories[] | select([.buckets, .buckets[1:]] | transpose |
    any(.[1] != null and .[1] - .[0] > 1))][0].id' "$data/c_interleaved.json")
nth=$(buckets "$id" | jq '[range(1; length) as $i | select(.[$i] - .[$i - 1] > 1) | $i][0]')
at=$((nth * bucket - 50))
"$program" cat -o $at -l 100 c_interleaved.img "$id" >seam
run 0 find --json c_interleaved.img seam
json '[.count, .matches[0].place, .matches[0].memory, .matches[0].offset, .matches[0].pieces]' \
    "[1,\"memory\",$id,$at,2]"
# And a whole memory in as many as it takes.
"$program" cat c_interleaved.img "$id" >whole
run 0 find --json c_interleaved.img whole
json '[.count, .matches[0].offset, .matches[0].pieces]' \
    "[1,0,$(buckets "$id" | jq '1 + ([range(1; length) as $i | select(.[$i] - .[$i - 1] > 1)] | length)')]"

# Left in a hole, and behind the last bucket: the hand edits of c_interleaved left the old bytes.
hole=$(jq '[.memories[].buckets[]] as $owned | [range(.num_allocated_buckets)] - $owned | .[0]' \
    "$data/m_hole_mid.json")
run 0 find --json -o $((65536 + hole * bucket)) -l 64 m_hole_mid.img m_hole_mid.img
json '[.matches[] | [.place, .bucket]]' "[[\"hole\",$hole]]"
end=$(($(stat -c %s m_slack.img) - bucket))
run 0 find --json -o $end -l 64 m_slack.img m_slack.img
json '[.matches[] | [.place, .image_offset]]' "[[\"tail\",$end]]"

# Bytes, text, raw images, limits.
printf 'abcabcabc' >raw.img
truncate -s 65536 raw.img
run 0 find --json -t abcabc raw.img
json '[.matches[] | .place, .image_offset]' '["raw",0,"raw",3]'
run 0 find --json -x 6263 raw.img
json '[.count, .matches[2].image_offset]' '[3,7]'
run 0 find --json --limit 2 -x 6263 raw.img
json '[.count, .more]' '[2,true]'
for bad in "-x abc" "-x zz" "-x 0000" "-t ''"; do
    eval "run 1 find $bad raw.img"
done
run 2 find raw.img
run 2 find -x 61 raw.img raw.img

# Wherever the search reads on, nothing is missed and nothing found twice.
head -c 3M /dev/urandom >long.img
for at in 1048576 2097152; do
    for before in 1 8 99; do
        run 0 find --json -o $((at - before)) -l 100 long.img long.img
        json '[.matches[].image_offset]' "[$((at - before))]"
    done
done
run 0 find --json -o 0 -l 2M long.img long.img
json '[.matches[].image_offset]' '[0]'

# Held against a plain search, on an image of random bytes in few values.
choose_seed
SEED=$seed python3 - <<'EOF'
import json, os, random, subprocess
random.seed(os.environ['SEED'])
program = os.environ['CANISTERFS']
for round in range(20):
    data = bytearray(65536 * 3)
    for n in range(random.randrange(40)):
        at, n = random.randrange(len(data) - 5000), random.randrange(1, 5000)
        data[at:at + n] = bytes(random.choice(b'\0\0ab') for _ in range(n))
    data = bytes(data)
    with open('r.img', 'wb') as f:
        for at in range(0, len(data), 4096):
            # Blocks of zeros as holes: what is skipped must not be missed.
            f.seek(at)
            if any(data[at:at + 4096]):
                f.write(data[at:at + 4096])
        f.truncate(len(data))
    at = random.randrange(len(data) - 5000)
    needle = data[at:at + random.choice([1, 2, 7, 60, 3000])]
    if not any(needle):
        needle = b'\0a\0'
    want = [i for i in range(len(data) - len(needle) + 1) if data.startswith(needle, i)][:1000]
    got = json.loads(subprocess.run([program, 'find', '--json', '-x', needle.hex(), 'r.img'],
                                    check=True, capture_output=True).stdout)
    assert [m['image_offset'] for m in got['matches']] == want, (round, len(want), got['count'])
EOF
