#!/bin/bash
# SPDX-License-Identifier: MIT
# A memory renamed to another id: the buckets change owner, and handles on both sides stay good.
. "${0%/*}/../lib.sh"

create 2
start
head -c 200000 /dev/urandom >"$T/a"
head -c 300000 /dev/urandom >"$T/b"
cp "$T/a" "$MNT/5"
cp "$T/b" "$MNT/6"
mv "$MNT/5" "$MNT/7"
cmp "$T/a" "$MNT/7"
[ ! -e "$MNT/5" ] || fail "5 is still there"
probe "0 1 0 200000 300000 1 1 200001 300000" \
	open "$MNT/7" O_RDWR : open "$MNT/6" O_RDWR : rename "$MNT/7" "$MNT/6" - \
	: fstat 0 size : fstat 1 size : write 0 200000 x : write 1 0 y : fstat 0 size : fstat 1 size
{ cat "$T/a"; printf x; } | cmp - "$MNT/6"
is 6 "$(ls "$MNT")" "files"
probe "0" rename "$MNT/6" "$MNT/6" -
stop
start
cmp -n 200000 "$T/a" "$MNT/6"
is 6 "$(ls "$MNT")" "files"
stop
sound
