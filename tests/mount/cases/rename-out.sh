#!/bin/bash
# SPDX-License-Identifier: MIT
# A memory renamed to a scratch name leaves the image; open handles go with it.
. "${0%/*}/../lib.sh"

create 1
start
head -c 200000 /dev/urandom >"$T/a"
cp "$T/a" "$MNT/5"
cp "$T/a" "$MNT/6"
probe "0 0 1 X" open "$MNT/5" O_RDWR : rename "$MNT/5" "$MNT/saved" NOREPLACE \
	: write 0 0 X : read 0 0 1
{ printf X; tail -c +2 "$T/a"; } | cmp - "$MNT/saved"
[ ! -e "$MNT/5" ] || fail "the memory is still there"
is "6" "$(python3 -c 'import json, sys
print(*(m["id"] for m in json.load(open(sys.argv[1]))["memories"]))' "$MNT/.canister/info.json")"
# over another scratch file, and back into another memory
printf other >"$MNT/other"
mv "$MNT/6" "$MNT/other"
cmp "$T/a" "$MNT/other"
mv "$MNT/other" "$MNT/9"
cmp "$T/a" "$MNT/9"
rm "$MNT/saved"
stop
start
is 9 "$(ls "$MNT")" "files"
cmp -n 200000 "$T/a" "$MNT/9"
stop
sound
