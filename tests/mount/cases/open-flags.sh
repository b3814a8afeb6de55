#!/bin/bash
# SPDX-License-Identifier: MIT
# O_TRUNC, O_APPEND, O_EXCL; reading and writing only as opened.
. "${0%/*}/../lib.sh"

create 1
start
f=$MNT/5
printf 0123456789 >"$f"
probe "0 0 3 3" open "$f" 'O_WRONLY|O_TRUNC' : fstat 0 size : write 0 0 abc : fstat 0 size
is abc "$(cat "$f")"
probe "0 1 3 3 0 3 abcdefghi 15" open "$f" 'O_RDWR|O_APPEND' : open "$f" 'O_RDWR|O_APPEND' \
	: append 0 def : append 1 ghi : seek 0 0 - : append 0 jkl : read 0 0 9 \
	: sh "printf mno >>'$f'; exit \$(stat -c %s '$f')"
probe "EEXIST 0 EEXIST" open "$f" 'O_RDWR|O_CREAT|O_EXCL' : open "$MNT/6" 'O_RDWR|O_CREAT|O_EXCL' \
	: open "$MNT/6" 'O_RDWR|O_CREAT|O_EXCL'
probe "ENOENT 0 EBADF 1 EBADF" open "$MNT/7" O_RDWR : open "$f" O_RDONLY : write 0 0 x \
	: open "$f" O_WRONLY : read 1 0 5
for i in $(seq 200); do echo "line $i" >>"$MNT/8"; done
seq -f 'line %g' 200 | cmp - "$MNT/8"
stop
sound
