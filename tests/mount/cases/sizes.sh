#!/bin/bash
# SPDX-License-Identifier: MIT
# A file has its exact size within a mount, and whole pages, zero behind the end, in the next.
. "${0%/*}/../lib.sh"

create 2
start
head -c 100001 /dev/urandom >"$T/a"
cp "$T/a" "$MNT/5"
is 100001 "$(stat -c %s "$MNT/5")"
is 196 "$(stat -c %b "$MNT/5")" "blocks"
cmp "$T/a" "$MNT/5"
truncate -s 70000 "$MNT/5"
truncate -s 90000 "$MNT/5"
truncate -s 70000 "$T/a"
truncate -s 90000 "$T/a"
cmp "$T/a" "$MNT/5"
probe "0 1 1 y" open "$MNT/6" 'O_RDWR|O_CREAT' : write 0 $((3 * PAGE)) x : write 0 0 y : read 0 0 1
is $((3 * PAGE + 1)) "$(stat -c %s "$MNT/6")"
: >"$MNT/7"
is 0 "$(stat -c %s "$MNT/7")"
stop
start
truncate -s $((2 * PAGE)) "$T/a"
cmp "$T/a" "$MNT/5"
is $((4 * PAGE)) "$(stat -c %s "$MNT/6")"
[ ! -e "$MNT/7" ] || fail "an empty memory is listed"
is "5 6" "$(ls "$MNT" | paste -sd' ')" "files"
stop
sound
