#!/bin/bash
# SPDX-License-Identifier: MIT
# A scratch file renamed onto a memory replaces its content; open handles keep what they had.
. "${0%/*}/../lib.sh"

create 1
start
printf old >"$MNT/5"
printf new >"$MNT/tmp"
probe "0 1 0 old new 3 NEW old" \
	open "$MNT/5" O_RDWR : open "$MNT/tmp" O_RDWR : rename "$MNT/tmp" "$MNT/5" - \
	: read 0 0 9 : read 1 0 9 : write 1 0 NEW : read 1 0 9 : read 0 0 9
is NEW "$(cat "$MNT/5")"
is 5 "$(ls "$MNT")" "files"
# what is written through the handle of a memory that lost its name goes nowhere
probe "0 0 4 1 LOST" open "$MNT/5" O_RDWR : sh "printf n2 >'$MNT/t2'; mv '$MNT/t2' '$MNT/5'" \
	: write 0 0 LOST : open "$MNT/5" O_RDONLY : read 0 0 9
is n2 "$(cat "$MNT/5")"
# larger and smaller than what was there, and empty
for len in 300000 100 70000 0 5; do
	head -c $len /dev/urandom >"$T/a"
	cp "$T/a" "$MNT/tmp"
	mv "$MNT/tmp" "$MNT/5"
	cmp "$T/a" "$MNT/5"
	is $len "$(stat -c %s "$MNT/5")"
done
stop
start
is $PAGE "$(stat -c %s "$MNT/5")"
cmp -n 5 "$T/a" "$MNT/5"
stop
sound
