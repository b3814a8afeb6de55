#!/bin/bash
# SPDX-License-Identifier: MIT
# fallocate: growing, keeping the size, punching, zeroing, and what it refuses.
. "${0%/*}/../lib.sh"

create 2
start
f=$MNT/5
probe "0 0 300000 0 300000 EOPNOTSUPP 300000" open "$f" 'O_RDWR|O_CREAT' \
	: fallocate 0 - 0 300000 : fstat 0 size \
	: fallocate 0 KEEP 1000 2000 : fstat 0 size \
	: fallocate 0 KEEP 0 500000 : fstat 0 size
cmp -n 300000 /dev/zero "$f"
head -c 300000 /dev/urandom >"$T/a"
cp "$T/a" "$f"
for range in "100 50" "65536 65536" "70001 131071" "299000 1000" "299999 100000"; do
	# shellcheck disable=SC2086
	probe "0 0 300000" open "$f" O_RDWR : fallocate 0 'PUNCH|KEEP' $range : fstat 0 size
	# shellcheck disable=SC2086
	probe "0 0 300000" open "$T/a" O_RDWR : fallocate 0 'PUNCH|KEEP' $range : fstat 0 size
	cmp "$T/a" "$f"
done
for tool in "-z -o 1000 -l 5000" "-z -o 290000 -l 50000" "-z -n -o 100000 -l 5"; do
	# shellcheck disable=SC2086
	fallocate $tool "$T/a"
	# shellcheck disable=SC2086
	fallocate $tool "$f"
	cmp "$T/a" "$f"
done
probe "0 EOPNOTSUPP EINVAL EINVAL EFBIG" open "$f" O_RDWR : fallocate 0 COLLAPSE 0 65536 \
	: fallocate 0 - 0 0 : fallocate 0 - -5 10 : fallocate 0 - 0x7ffffffffffff000 0xfff
probe "0 EBADF" open "$f" O_RDONLY : fallocate 0 - 0 10
# punched blocks go back to the host
head -c 8000000 /dev/urandom >"$f"
sync "$f"
before=$(du -k "$IMG" | cut -f1)
fallocate -p -o 0 -l 8000000 "$f"
sync "$f"
[ "$(du -k "$IMG" | cut -f1)" -lt $((before - 6000)) ] || fail "punching frees no space"
# scratch files can do the same
probe "0 0 1000 0 ...." open "$MNT/s" 'O_RDWR|O_CREAT' : fallocate 0 - 0 1000 : fill 0 0 1000 x \
	: fallocate 0 'PUNCH|KEEP' 10 4 : read 0 10 4
rm "$MNT/s"
stop
sound
