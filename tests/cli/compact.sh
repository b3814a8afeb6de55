#!/bin/bash
# SPDX-License-Identifier: MIT
# compact: gives back what no memory needs, in place or into a new image, and can be taken back.
. "$(dirname "$0")/lib.sh"

golden m_hole_mid m_hole_tail m_slack c_interleaved n_stale_reinit g_raw_btree

for name in m_hole_mid m_hole_tail m_slack n_stale_reinit; do
    cp "$name.img" a.img
    before=$(sha256sum <a.img)
    run 0 compact --dry-run --json a.img
    json .done false
    [ "$(sha256sum <a.img)" = "$before" ] || fail "--dry-run changed the image"
    plan=$(jq -c '[.holes, .moved_buckets, .tail_bytes, .image_bytes]' out)
    run 0 compact --json a.img
    json '[.done, .undo_file]' '[true,"a.img.undo"]'
    json '[.holes, .moved_buckets, .tail_bytes, .image_bytes]' "$plan"
    hash=$(jq .memories_sha256 out)
    json .image_bytes "$(stat -c %s a.img)"
    run 0 check a.img
    out_is "a.img: clean"
    while read -r id sha; do
        [ "$("$program" cat a.img "$id" | sha256sum)" = "$sha  -" ] || fail "memory $id of $name"
    done < <(jq -r '.memories[] | "\(.id) \(.sha256)"' "$data/$name.json")
    # Into a new image the same memories go.
    run 0 compact --json "$name.img" b.img --force
    json '[.memories_sha256, .image_bytes]' "[$hash,$(stat -c %s a.img)]"
    run 0 check b.img
    # There is nothing left to do, and so nothing to take back.
    run 0 compact --json a.img
    json '[.holes, .moved_buckets, .tail_bytes, .undo_file, .memories_sha256]' '[0,0,0,null,null]'
    run 0 check --undo a.img.undo a.img
    same a.img "$name.img"
    rm a.img.undo
done

# What it says.
cp m_hole_mid.img a.img
run 0 compact a.img
hash=$("$program" compact --json m_hole_mid.img b.img -f | jq -r .memories_sha256)
out_is "a.img: 11.1 MiB, was 12.1 MiB: 1 MiB less, 3.91 G cycles a year
  dropped   1 bucket that nobody owns, 0 behind a memory's last page
  moved     1 bucket (1 MiB)
  memories  $hash before and after
  undo      'canisterfs check --undo a.img.undo a.img' takes it back"

# --zero-slack: none of an overwritten dump's bytes are left, and only in memories.
for form in in-place new; do
    to=z2.img
    if [ $form = in-place ]; then
        to=z.img
        cp n_stale_reinit.img z.img
    fi
    if [ $form = in-place ]; then
        run 0 compact --zero-slack --no-undo z.img
        grep -q '^  blanked   30,601 bytes that were no memory' out || fail "$(cat out)"
        [ ! -e z.img.undo ] || fail "--no-undo saved something"
    else
        run 0 compact --zero-slack n_stale_reinit.img z2.img
    fi
    [ "$(stat -c %s $to)" = $((4 * 65536)) ] || fail "$to has $(stat -c %s $to) bytes"
    [ -z "$(tail -c +34849 $to | head -c 30688 | tr -d '\0')" ] || fail "page 0 holds old bytes"
done
same z.img z2.img

# What is saved goes where it is told to, and never over another.
cp m_slack.img a.img
rm -f a.img.undo
run 0 compact --save u a.img
run 0 check --undo u a.img
same a.img m_slack.img
refused 1 "a.img: cannot make the undo file u: File exists" compact --save u a.img
run 0 compact a.img
cp m_slack.img a.img
run 0 compact a.img
[ -e a.img.undo ] && [ -e a.img.undo-2 ] || fail "$(ls)"

# Raw images, images in use, and bad command lines.
sha256sum g_raw_btree.img c_interleaved.img >sums
run 1 compact g_raw_btree.img
grep -q "a raw image" err || fail "$(cat err)"
[ ! -e g_raw_btree.img.undo ] || fail "an undo file of nothing"
refused 1 "b.img: exists already" compact c_interleaved.img b.img
refused 2 "compact: either --save or --no-undo (see 'canisterfs compact --help')" \
    compact --save x --no-undo a.img
run 2 compact --no-undo c_interleaved.img new.img
sha256sum --quiet -c sums || fail "an image was changed"
