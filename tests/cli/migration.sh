#!/bin/bash
# SPDX-License-Identifier: MIT
# The migration of docs/migration.md, as it is told there: a raw dump becomes a memory with its length
# before it, at a page a bucket, and a manager that was made over a dump is found out.
. "$(dirname "$0")/lib.sh"

golden j_raw_cbor n_stale_reinit
cp j_raw_cbor.img old.img
cp n_stale_reinit.img stale.img
page=$here/../../docs/migration.md

# Every command of the page that is here gives what the page says of it.
as_told() {
    grep -F -A 20 "\$ canisterfs $1" "$page" | sed -n '2,/^$/p' | sed '/^    \$/,$d; s/^    //; /^$/d' >want
    [ -s want ] || fail "the page does not show: $1"
    eval "run 0 $1"
    sed '/^$/d' out | same want /dev/stdin
}
sha256sum old.img >sums
as_told "info old.img"
as_told "adopt --memory 0 --bucket-pages 1 --length-prefix old.img new.img"
[ "$(stat -c %s new.img)" -lt $((8 << 20)) ] || fail "new.img is as large as by default"
"$program" cat -o 4 -l 283755 new.img 0 | cmp - <(head -c 283755 old.img) || fail "another payload"
run 0 extract --length-prefix --exact new.img 0 state.cbor
cmp state.cbor <(head -c 283755 old.img) || fail "another payload"
as_told "check new.img"
sha256sum --quiet -c sums || fail "the dump was changed"

run 0 info stale.img
grep -qF "$(sed -n 's/^    \(  stale .*\)/\1/p' "$page")" out || fail "$(cat out)"
grep -F -A 20 '$ canisterfs find' "$page" | sed -n '2,5p' | sed 's/^    //' >want
run 0 find --offset 200000 --length 100 stale.img old.img
same want out
# Every byte of the dump that is left in no memory goes.
run 0 compact --zero-slack stale.img
run 0 find --json --offset 40000 --length 100 stale.img old.img
json .count 0
run 0 find --json --offset 270000 --length 100 stale.img old.img
json .count 0

# Through a mount.
[ -w /dev/fuse ] && "$program" --complete '' | grep -qx mount || exit 0
mkdir mnt
clean_up() { "$program" umount mnt >/dev/null 2>&1 || true; }
run 0 mount new.img mnt
cmp -n 283755 -i 4:0 mnt/0 old.img || fail "another payload in the mount"
run 0 umount mnt
