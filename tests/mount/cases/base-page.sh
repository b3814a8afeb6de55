#!/bin/bash
# SPDX-License-Identifier: MIT
# A manager that begins some pages into the image is mounted by an option, in both forms. The option
# is believed, and nothing else is looked for.
. "${0%/*}/../lib.sh"

head -c 128K /dev/urandom >"$T/head"
golden c_interleaved "$T/plain"
cat "$T/head" "$T/plain" >"$IMG"
! "$CANISTERFS" mount -f "$IMG" "$MNT" -o base_page=0 >/dev/null 2>&1 || fail "a raw image was mounted"

start -o base_page=2
head -c 3M /dev/urandom >"$T/new"
cp "$T/new" "$MNT/9"
printf edited | dd of="$MNT/3" conv=notrunc status=none
stop
start --base-page 2
cmp "$T/new" "$MNT/9"
is edited "$(head -c 6 "$MNT/3")" "memory 3"
mkdir "$MNT/.snap/was"
printf later! | dd of="$MNT/3" conv=notrunc status=none
printf later! | dd of="$MNT/9" conv=notrunc status=none
is edited "$(head -c 6 "$MNT/.snap/was/3")" "memory 3 in a snapshot"
"$CANISTERFS" snapshot rollback --memory 3 "$MNT" was
is edited "$(head -c 6 "$MNT/3")" "memory 3 after its rollback"
is later! "$(head -c 6 "$MNT/9")" "memory 9 after the rollback of another"
stop
"$CANISTERFS" snapshot diff --base-page 2 "$IMG" was >"$T/diff" 2>"$T/said" ||
	fail "the snapshots of the image: $(cat "$T/said")"
grep -q '^ *9  *1$' "$T/diff" || fail "what differs: $(cat "$T/diff")"
"$CANISTERFS" snapshot rollback --base-page 2 "$IMG" was
start --base-page 2
cmp "$T/new" "$MNT/9"
rmdir "$MNT/.snap/was"
rm "$MNT/9"
stop
cmp -n 131072 "$T/head" "$IMG" || fail "what lies before the base page has changed"
tail -c +131073 "$IMG" >"$T/after"
sound "$T/after"
is "$(stat -c %s "$T/plain")" "$(stat -c %s "$T/after")" "length"
! "$CANISTERFS" mount -f "$IMG" "$MNT" -o base_page=x >/dev/null 2>&1 || fail "base_page=x was taken"
