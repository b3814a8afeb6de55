#!/bin/bash
# SPDX-License-Identifier: MIT
# An image that is packed by gzip is mounted read-only, and refused for all else.
. "${0%/*}/../lib.sh"

golden c_interleaved "$T/plain"
gzip -1 <"$T/plain" >"$IMG"
! "$CANISTERFS" mount -f "$IMG" "$MNT" >"$T/out" 2>&1 || fail "a packed image was mounted for writing"
grep -q 'packed by gzip or zstd' "$T/out" || fail "$(cat "$T/out")"
! "$CANISTERFS" mount -f "$IMG" "$MNT" -o overlay="$T/o" >"$T/out" 2>&1 || fail "a packed image got an overlay"
grep -q 'packed by gzip or zstd' "$T/out" || fail "$(cat "$T/out")"
[ ! -e "$T/o" ] || fail "an overlay was left"
start -o ro
for id in 0 1 2 3 4; do
	cmp <("$CANISTERFS" cat "$T/plain" $id) "$MNT/$id"
done
cmp "$T/plain" "$MNT/.canister/stable"
! true 2>/dev/null >>"$MNT/3" || fail "3 was opened for writing"
stop
