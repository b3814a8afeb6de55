#!/bin/bash
# SPDX-License-Identifier: MIT
# waste finds each damaged, cut and foreign file among many, names it, and leaves it out of all sums:
# these are what a slow, independent count gives.
. "$(dirname "$0")/lib.sh"

choose_seed
images=$(rounds 400)
python3 "$here/waste_damaged.py" make fleet "$images" "$seed"
python3 "$here/waste_damaged.py" count fleet >want.json

sums='{image_bytes, data_bytes, hole_bytes, tail_bytes, slack_bytes, memories,
    by_memory: [.by_memory[] | if type == "array" then . else [.memory, .images, .data_bytes, .slack_bytes] end]}'
run 1 waste --json --jobs 3 fleet
cp out lines
jq -cS "select(.summary) | .summary | $sums" lines >got.sums
jq -cS ".sums | $sums" want.json | same got.sums /dev/stdin
jq -cnS '[inputs | select(.path)] | group_by(.kind) | map({(.[0].kind): [.[].path] | sort}) | add' lines >got.names
jq -cS .names want.json | same got.names /dev/stdin
# Counted apart, each kind; one in a hundred of each is there.
for kind in managed:managed raw:raw other:other_files cut:cut damaged:damaged error:unreadable link:hard_links; do
    want=$(jq ".names.${kind%:*} | length" want.json)
    [ "$want" -ge 1 ] || fail "no file of the kind $kind was made"
    [ "$(jq "select(.summary) | .summary.${kind#*:}" lines)" = "$want" ] || fail "$kind: not $want"
done
# Each is named on stderr, by its kind.
for kind in cut damaged foreign; do
    sed -n "s/^canisterfs: \(.*\): $kind: .*/\1/p" err | sort >got.names
    jq -r ".names.${kind/foreign/other}[]" want.json | same got.names /dev/stdin
done
# Merging lines of both halves gives the same sums.
run 1 waste --json fleet/0[0-3]
cp out half-1
run 1 waste --json fleet/0[4-6]
cat half-1 out >halves
run 1 waste --merge --json --summary halves
if [ "$(jq '.names.link | length' want.json)" = 0 ]; then
    jq -cS ".summary | $sums" out >got.sums
    jq -cS ".sums | $sums" want.json | same got.sums /dev/stdin
fi

# A download that was cut to less than the first page, and an image of which only that page is left.
golden c_interleaved
mkdir cut
head -c 30000 c_interleaved.img >cut/short
head -c 65536 c_interleaved.img >cut/page
refused_names=$(printf 'canisterfs: cut/page: cut: has 65,536 bytes, and its buckets end at 12,648,448\n%s' \
    'canisterfs: cut/short: cut: has 30,000 bytes of the first page of a managed image')
run 1 waste cut
err_is "$refused_names"
grep -q '^0 managed images with 0 memories: 0 B, 0 cycles a year$' out || fail "$(cat out)"
grep -q '^left out of all sums: 2 cut, 0 damaged, 0 foreign, 0 unreadable$' out || fail "$(cat out)"

# A checkpoint, too.
"$program" checkpoint c_interleaved.img whole.ckpt >/dev/null
mkdir ckpt
size=$(stat -c %s whole.ckpt)
for part in 60 4000 70000 $((size / 2)) $((size - 1)); do
    head -c "$part" whole.ckpt >"ckpt/$part"
done
run 1 waste --json ckpt
json 'select(.summary) | .summary | [.managed, .raw, .other_files, .unreadable]' '[0,0,0,0]'

# The same file counts once, by however many names it is met.
mkdir links
cp c_interleaved.img links/a
ln links/a links/b
ln links/a c
run 0 waste --json links c links/a
json 'select(.summary) | .summary | [.managed, .hard_links, .image_bytes]' '[1,3,12648448]'
grep -c '"kind":"link"' out | grep -qx 3 || fail "$(cat out)"
run 0 waste --summary links c
grep -q '^2 hard links to what is counted already: 24.1 MiB$' out || fail "$(cat out)"
