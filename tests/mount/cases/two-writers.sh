#!/bin/bash
# SPDX-License-Identifier: MIT
# Writers of different memories at once, growing and shrinking: each finds its own bytes.
. "${0%/*}/../lib.sh"

create 1
start
head -c 9000000 /dev/urandom >"$T/a"
writer() {
	local n
	for n in 1 2 3; do
		truncate -s $((n * 700000)) "$MNT/$1"
		dd if="$T/a" of="$MNT/$1" bs=10007 conv=notrunc status=none
		cmp "$T/a" "$MNT/$1"
		rm "$MNT/$1"
	done
	cp "$T/a" "$MNT/$1"
}
pids=()
for id in 1 2 30; do
	writer $id &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a writer"; done
stop
start
for id in 1 2 30; do cmp -n 9000000 "$T/a" "$MNT/$id"; done
stop
sound
