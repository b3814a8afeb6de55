#!/bin/bash
# SPDX-License-Identifier: MIT
# A removed file stays good for who has it open, is gone for others, and its id can be made anew.
. "${0%/*}/../lib.sh"

create 1
start
printf five >"$MNT/5"
printf text >"$MNT/s"
probe "0 0 five 4 0 1 3 new 70000 FIVE" \
	open "$MNT/5" O_RDWR : unlink "$MNT/5" : read 0 0 9 : write 0 0 FIVE \
	: sh "test ! -e '$MNT/5'" : open "$MNT/5" 'O_RDWR|O_CREAT|O_EXCL' : write 1 0 new : read 1 0 9 \
	: fill 0 4 70000 z : read 0 0 4
is new "$(cat "$MNT/5")"
probe "0 0 text 4 0 TEXT" open "$MNT/s" O_RDWR : unlink "$MNT/s" : read 0 0 9 : write 0 0 TEXT \
	: fsync 0 : read 0 0 9
# a link count tells whoever has a file open that the name is gone, or another file's
cp "$MNT/5" "$MNT/6"
printf over >"$MNT/s"
probe "0 1 0 0 0 0 1 1 0" open "$MNT/6" O_RDWR : fstat 0 nlink : unlink "$MNT/6" : ftruncate 0 3 \
	: fstat 0 nlink : rename "$MNT/s" "$MNT/6" - : open "$MNT/6" O_RDWR : fstat 1 nlink : fstat 0 nlink
rm "$MNT/6"
probe "ENOENT ENOENT" unlink "$MNT/s" : unlink "$MNT/77"
is 5 "$(ls "$MNT")" "files"
stop
start
is $PAGE "$(stat -c %s "$MNT/5")"
stop
sound
