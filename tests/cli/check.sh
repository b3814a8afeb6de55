#!/bin/bash
# SPDX-License-Identifier: MIT
# check: fsck's exit bits, repair that is idempotent, and the way back.
. "$(dirname "$0")/lib.sh"

golden c_interleaved m_hole_mid m_slack g_raw_btree l_sqlite
run 0 check c_interleaved.img
out_is "c_interleaved.img: clean"
run 4 check m_slack.img
out_is "warning  stale-tail  1048576 bytes lie behind the last bucket and are not all zero, first at byte 11599874 of the image
m_slack.img: 1 warning; 'canisterfs check --repair' mends what can be mended"
refused 8 'g_raw_btree.img: not a managed image: the first three bytes are not "MGR"' \
    check --shallow g_raw_btree.img
# A raw image can be a structure as a whole.
run 0 check g_raw_btree.img
out_is "g_raw_btree.img: clean"
refused 8 "nowhere: cannot open: No such file or directory" check nowhere
refused 16 "check: IMAGE is missing (see 'canisterfs check --help')" check
refused 16 "check: --undo goes with no other option (see 'canisterfs check --help')" check --undo x --repair y
refused 16 "check: --save is for --repair (see 'canisterfs check --help')" check --save x y
got=0
"$program" check m_slack.img >/dev/full 2>err || got=$?
[ "$got" = 4 ] || fail "findings that nobody got: exit status $got"
got=0
"$program" check c_interleaved.img >/dev/full 2>err || got=$?
[ "$got" = 8 ] || fail "a clean bill that nobody got: exit status $got"

for name in m_hole_mid m_slack; do
    cp "$name.img" a.img
    run 1 check --repair a.img
    tail -n 1 out | grep -q '; repaired, and what was overwritten is in a.img.undo$' || fail "$(cat out)"
    cp a.img repaired.img
    run 0 check --repair a.img
    out_is "a.img: clean"
    same a.img repaired.img
    [ ! -e a.img.undo-2 ] || fail "an undo file for nothing"
    for memory in $(jq -r '.memories[].id' "$data/$name.json"); do
        run 0 cat a.img "$memory"
        [ "$(sha256sum <out)" = "$(jq -r ".memories[] | select(.id == $memory).sha256" "$data/$name.json")  -" ] ||
            fail "the repair has changed memory $memory"
    done
    # Twice, as a killed undo would be.
    for _ in 1 2; do
        run 0 check --undo a.img.undo a.img
        out_is "a.img: as it was before the change"
        same a.img "$name.img"
    done
    # An earlier undo file stays.
    cp a.img.undo first.undo
    run 1 check --repair --json a.img
    json '[.clean, .repaired, .undo_file, .left]' '[true,true,"a.img.undo-2",[]]'
    same a.img.undo first.undo
    rm a.img.undo*
done

run 4 check --json m_hole_mid.img
json '[.schema, .clean, .repaired, .undo_file, .errors, .warnings, .notes]' '[1,false,false,null,0,2,0]'
json '.findings[0]' '{"severity":"warning","id":"bucket-hole","memory":null,"repairable":true,"text":"bucket 7 is owned by nobody; the bucket count is 12"}'
json '.findings == .left' true

# What cannot be mended is left alone, with its bit.
cp l_sqlite.img short.img
truncate -s 400000 short.img
cp short.img before.img
run 4 check --repair short.img
grep -q '(cannot be repaired)$' out || fail "$(cat out)"
same short.img before.img

# Undo files: only for the image, as the repair left it, and sound.
cp m_hole_mid.img a.img
run 1 check --repair --save u a.img
run 12 check --repair --save u m_slack.img
err_is "canisterfs: m_slack.img: cannot make the undo file u: File exists"
cp a.img repaired.img
refused 8 "a.img: l_sqlite.img is no undo file" check --undo l_sqlite.img a.img
run 8 check --undo u c_interleaved.img
golden c_interleaved m_slack
printf x | dd of=a.img bs=1 seek=7405600 conv=notrunc status=none
cp a.img edited.img
refused 8 "a.img: the image was changed since at byte 7405568, or the undo file is of another" \
    check --undo u a.img
same a.img edited.img
cp repaired.img a.img
cp u flipped
printf x | dd of=flipped bs=1 seek=70000 conv=notrunc status=none
run 8 check --undo flipped a.img
grep -q '^canisterfs: a.img: the undo file is damaged at byte [0-9]*$' err || fail "$(cat err)"
same a.img repaired.img
