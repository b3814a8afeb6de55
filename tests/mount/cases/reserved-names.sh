#!/bin/bash
# SPDX-License-Identifier: MIT
# .canister is there and not listed; what stands in it, and what cannot be done to it.
. "${0%/*}/../lib.sh"
requires jq

golden c_interleaved
start
cmp "$IMG" "$MNT/.canister/stable"
exec 7<"$MNT/.canister/stable"
is "info.json records stable" "$(ls "$MNT/.canister" | paste -sd' ')" "files in .canister"
is "0 1 2 3 4" "$(ls -A "$MNT" | paste -sd' ')" "files"
probe "EISDIR EEXIST EPERM" open "$MNT/.snap" 'O_RDWR|O_CREAT' : mknod "$MNT/.snap" REG \
	: open "$MNT/.canister/new" 'O_RDWR|O_CREAT'
probe "EACCES EPERM EISDIR" open "$MNT/.canister/stable" O_RDWR \
	: unlink "$MNT/.canister/stable" : unlink "$MNT/.canister"
probe "EEXIST EPERM" mkdir "$MNT/.canister" : mkdir "$MNT/.canister/dir"
# live: what is written through the mount shows in both
is 193 "$(jq .pages "$MNT/.canister/info.json")"
truncate -s $((200 * PAGE)) "$MNT/3"
is 200 "$(jq '.memories[] | select(.id == 3) | .pages' "$MNT/.canister/info.json")"
is "$(jq .pages "$MNT/.canister/info.json")" $(($(wc -c <"$MNT/.canister/stable") / PAGE))
# and so does its length, whoever still reads it under an old one
for pages in 200 5 7; do
	truncate -s $((pages * PAGE)) "$MNT/3"
	is "$(stat -c %s "$IMG")" "$(stat -c %s "$MNT/.canister/stable")" "length at $pages pages"
	is 3 "$(stat -c %i "$MNT/.canister/stable")" "number"
done
cmp "$IMG" - <&7
exec 7<&-
printf changed | dd of="$MNT/3" conv=notrunc,fsync status=none
cmp "$IMG" "$MNT/.canister/stable"
"$CANISTERFS" info --json "$IMG" >"$T/refused" 2>&1 && fail "info on a mounted image"
cp "$MNT/.canister/stable" "$T/copy"
sound "$T/copy"
stop
