#!/bin/bash
# SPDX-License-Identifier: MIT
# A memory grows to the cap of its bucket size; then ENOSPC or EFBIG, and nothing is damaged.
. "${0%/*}/../lib.sh"

create 1
start
printf first >"$MNT/1"
printf second >"$MNT/2"
rest=$((32766 * PAGE))
truncate -s $rest "$MNT/3"
probe "0 1 e" open "$MNT/3" O_RDWR : write 0 $((rest - 1)) e : read 0 $((rest - 1)) 1
df "$MNT" | tail -n 1 | grep -q '100%' || fail "$(df "$MNT")"
probe "ENOSPC ENOSPC" truncate "$MNT/3" $((rest + 1)) : truncate "$MNT/1" $((PAGE + 1))
# the kernel caches the write; the error comes at the latest with fsync
expect_log ".*bytes 0 to 1048576 of memory 4 cannot be written: No space left on device"
dd if=/dev/urandom of="$MNT/4" bs=1M count=1 conv=fsync 2>"$T/dd" && fail "written past the cap"
grep -q 'No space' "$T/dd" || fail "$(cat "$T/dd")"
rm "$MNT/4"
probe "EFBIG EFBIG" truncate "$MNT/3" $((32769 * PAGE)) : truncate "$MNT/3" 0x7fffffffffffffff
is "first second" "$(head -c 5 "$MNT/1") $(head -c 6 "$MNT/2")"
# what is given back can be given out
truncate -s $((rest - 10 * PAGE)) "$MNT/3"
head -c $((10 * PAGE)) /dev/urandom >"$T/a"
cp "$T/a" "$MNT/5"
cmp "$T/a" "$MNT/5"
stop
sound
start
is "first second" "$(head -c 5 "$MNT/1") $(head -c 6 "$MNT/2")"
cmp "$T/a" "$MNT/5"
is "$((rest - 10 * PAGE))" "$(stat -c %s "$MNT/3")"
stop
