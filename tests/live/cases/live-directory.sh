#!/bin/bash
# SPDX-License-Identifier: MIT
# The directory of a canister snapshot has live snapshots like any image, and whoever reads takes a
# mount of it.
. "${0%/*}/../../mount/lib.sh"

dir=$T/snap
mkdir "$dir"
create 2 "$dir/stable_memory.bin"
printf '{"wasm_module_size": 0, "wasm_memory_size": 0, "stable_memory_size": %s}' \
	"$(stat -c %s "$dir/stable_memory.bin")" >"$dir/metadata.json"
# shellcheck disable=SC2034 # lib.sh reads IMG
IMG=$dir
expect_log '.*' # how to load it safely
start
head -c 300000 /dev/urandom >"$T/old"
head -c 500000 /dev/urandom >"$T/new"
cp "$T/old" "$MNT/3"
mkdir "$MNT/.snap/before"
cp "$T/new" "$MNT/3"
cmp "$T/new" "$MNT/3"
cmp -n 300000 "$T/old" "$MNT/.snap/before/3"
# verbs read the mount while it is written to
"$CANISTERFS" cat "$MNT" 3 >"$T/out"
cmp -n 500000 "$T/new" "$T/out"
"$CANISTERFS" info "$MNT" >/dev/null
"$CANISTERFS" check "$MNT" >/dev/null
"$CANISTERFS" checkpoint "$MNT" "$T/c.qcow2"
stop
# what a verb overwrites belongs to the snapshots, too
"$CANISTERFS" put "$dir" 3 "$T/old"
if command -v qemu-img >/dev/null; then
	qemu-img info "$T/snap.snap/before.qcow2" | grep -q 'backing file: ../snap/stable_memory.bin' ||
		fail "$(qemu-img info "$T/snap.snap/before.qcow2")"
fi
start
cmp -n 300000 "$T/old" "$MNT/.snap/before/3"
cp "$T/new" "$MNT/3"
"$CANISTERFS" snapshot rollback "$MNT" before
cmp -n 300000 "$T/old" "$MNT/3"
stop
grep -q "\"stable_memory_size\": *$(stat -c %s "$dir/stable_memory.bin")" "$dir/metadata.json" ||
	fail "$(cat "$dir/metadata.json"), $(stat -c %s "$dir/stable_memory.bin")"
"$CANISTERFS" check "$dir" >/dev/null
"$CANISTERFS" cat "$dir" 3 >"$T/out"
cmp -n 300000 "$T/old" "$T/out"
