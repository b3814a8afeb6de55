#!/bin/bash
# SPDX-License-Identifier: MIT
# cp in, out, over, within, sparse, and with a backup.
. "${0%/*}/../lib.sh"

expect_scratch '1~|1\.~1~'
create 4
start
head -c 3000000 /dev/urandom >"$T/a"
head -c 1234567 /dev/urandom >"$T/b"
cp "$T/a" "$MNT/0"
cmp "$T/a" "$MNT/0"
cp "$T/b" "$MNT/0"
cmp "$T/b" "$MNT/0"
cp "$MNT/0" "$MNT/1"
cp "$MNT/1" "$T/back"
cmp "$T/b" "$T/back"
cp --backup "$T/a" "$MNT/1"
cmp "$T/a" "$MNT/1"
cmp "$T/b" "$MNT/1~"
cp --backup=numbered "$T/b" "$MNT/1"
cmp "$T/a" "$MNT/1.~1~"
truncate -s 50M "$T/sparse"
printf end >>"$T/sparse"
cp --sparse=always "$T/sparse" "$MNT/2"
cmp "$T/sparse" "$MNT/2"
cp --sparse=always "$MNT/2" "$T/sparse2"
cmp "$T/sparse" "$T/sparse2"
[ "$(du -k "$T/sparse2" | cut -f1)" -lt 1000 ] || fail "zeros were not zero"
[ "$(du -k "$IMG" | cut -f1)" -lt 10000 ] || fail "holes were filled in the image"
cp -p --no-preserve=ownership "$MNT/1" "$T/times"
is "$(stat -c %Y "$MNT/1")" "$(stat -c %Y "$T/times")" "time that cp -p keeps"
cp -a "$T/a" "$MNT/3"
is "$(stat -c %.9Y "$T/a")" "$(stat -c %.9Y "$MNT/3")" "time that cp -a sets"
stop
start
cmp "$T/a" "$MNT/3"
cmp "$T/b" "$MNT/1"
is 1234567 "$(stat -c %s "$MNT/1~")" "length of a scratch file that the mount before has left"
stop
sound
