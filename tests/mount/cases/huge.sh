#!/bin/bash
# SPDX-License-Identifier: MIT
# A sparse image of 400 GiB mounts with the reads and the memory that a small one takes.
. "${0%/*}/../lib.sh"

# field FILE NAME: a number of the daemon's in /proc
field() {
	awk -v n="$2:" '$1 == n { print $2 }' "/proc/${daemon_of[$MNT]}/$1"
}
measure() {
	start
	ls -l "$MNT" >/dev/null
	is one "$(head -c 3 "$MNT/1")"
	read_len=$(field io rchar)
	rss_kib=$(field status VmHWM)
	stop
}
create 200
start
printf one >"$MNT/1"
stop
measure
small_read=$read_len small_rss=$rss_kib
start
truncate -s 300G "$MNT/1" || skip "the host's file system has no room for such files"
truncate -s 99G "$MNT/2"
probe "0 3 end" open "$MNT/1" O_RDWR : write 0 $((299 << 30)) end : read 0 $((299 << 30)) 3
stop
[ "$(stat -c %s "$IMG")" -gt $((398 << 30)) ] || fail "the image has $(stat -c %s "$IMG") bytes"
measure
[ "$read_len" -le $((small_read + 1000000)) ] || fail "$read_len bytes read, $small_read of a small one"
[ "$rss_kib" -le $((small_rss + 8000)) ] || fail "$rss_kib KiB resident, $small_rss with a small one"
start
probe "0 end 0" open "$MNT/1" O_RDWR : read 0 $((299 << 30)) 3 : truncate "$MNT/1" 3
probe "0" unlink "$MNT/2"
stop
[ "$(stat -c %s "$IMG")" -lt $((20 << 20)) ] || fail "the image has $(stat -c %s "$IMG") bytes"
sound
