#!/bin/bash
# SPDX-License-Identifier: MIT
# dd into the middle, behind the end, appending; truncate both ways; cmp.
. "${0%/*}/../lib.sh"

create 1
start
head -c 1000000 /dev/urandom >"$T/a"
head -c 100000 /dev/urandom >"$T/b"
both() {
	"$@" "$T/a"
	"$@" "$MNT/9"
	cmp "$T/a" "$MNT/9"
}
patch() {
	dd if="$T/b" of="${*: -1}" conv=notrunc status=none "${@:1:$#-1}"
}
cp "$T/a" "$MNT/9"
both patch bs=1 count=3 seek=65535
both patch bs=100000 seek=131071 oflag=seek_bytes
both patch bs=777 seek=1500
both patch bs=64K oflag=append
both truncate -s 123
both truncate -s 765432
both truncate -s +65536
both truncate -s -1
both truncate -s 0
both patch bs=10 seek=99999
stop
sound
