#!/bin/bash
# SPDX-License-Identifier: MIT
# A manager behind something else is mounted without an option; what lies before it is a file, and
# snapshots, rollback and checkpoints hold all of the image.
. "${0%/*}/../lib.sh"

head -c 128K /dev/urandom >"$T/head"
golden c_interleaved "$T/plain"
cat "$T/head" "$T/plain" >"$IMG"
cp "$IMG" "$T/was"

expect_log "canisterfs: .*: note: the manager begins at page 2; before it lie 2 pages"
expect_scratch notes.txt
start
cmp "$T/head" "$MNT/.canister/front"
cmp "$T/was" "$MNT/.canister/stable"
is "$(stat -c %s "$T/head")" "$(stat -c %s "$MNT/.canister/front")" "length of the front"
! true 2>/dev/null >>"$MNT/.canister/front" || fail "the front was written to"
mkdir "$MNT/.snap/before"
head -c 3M /dev/urandom >"$T/new"
cp "$T/new" "$MNT/9"
rm "$MNT/3"
cmp "$T/was" "$MNT/.snap/before/stable"
cmp <("$CANISTERFS" cat "$T/was" 3 2>/dev/null) "$MNT/.snap/before/3"
cmp "$T/new" "$MNT/9"
is 2 "$("$CANISTERFS" info --json "$MNT" 2>/dev/null | jq .base_page)" "base page"
"$CANISTERFS" checkpoint "$MNT" "$T/ckpt" >"$T/out" 2>&1 || fail "$(cat "$T/out")"
"$CANISTERFS" snapshot diff --json "$MNT" before >"$T/diff"
is '[[3,9]]' "$(jq -c '[[.memories[].id]]' "$T/diff")" "memories that differ"
echo scratch >"$MNT/notes.txt"
"$CANISTERFS" snapshot rollback "$MNT" before >"$T/out" 2>&1 || fail "$(cat "$T/out")"
cmp "$T/was" "$MNT/.canister/stable"
[ ! -s "$MNT/9" ] || fail "9 is there after the rollback"
cp "$T/new" "$MNT/10"
cmp "$T/new" "$MNT/10"
echo scratch >"$MNT/notes.txt"
"$CANISTERFS" checkpoint "$MNT" "$T/ckpt2" >"$T/out" 2>&1 || fail "$(cat "$T/out")"
stop
cmp -n 131072 "$T/head" "$IMG" || fail "what lies before the manager has changed"
"$CANISTERFS" snapshot remove "$IMG" before >"$T/out" || fail "$(cat "$T/out")"

# Scratch files come back with the image, and the image's id lies in the manager's page.
"$CANISTERFS" restore -f "$T/ckpt2" "$IMG" >"$T/out" 2>&1 || fail "$(cat "$T/out")"
cmp -n 131072 "$T/head" "$IMG" || fail "the restored image begins with something else"
start
is scratch "$(cat "$MNT/notes.txt")" "scratch file"
rm "$MNT/notes.txt"
stop
"$CANISTERFS" restore -f "$T/ckpt" "$IMG" >"$T/out" 2>&1 || fail "$(cat "$T/out")"
cmp "$T/new" <("$CANISTERFS" cat "$IMG" 9 2>/dev/null)
