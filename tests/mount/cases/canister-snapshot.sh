#!/bin/bash
# SPDX-License-Identifier: MIT
# A mounted canister snapshot: the rest of it is shown, and the length in metadata.json follows.
. "${0%/*}/../lib.sh"

requires jq
expect_log '|.*where the layout of a canister snapshot changes.*|it still believes .*|keeps there .*|canister that goes .*|way, in full:|  dfx .*|  \.\.\. .*|The last upgrade .*|Motoko canister .*'
SNAP=$T/snap
mkdir "$SNAP"
golden c_interleaved "$SNAP/stable_memory.bin"
len=$(stat -c %s "$SNAP/stable_memory.bin")
printf '\0asm\1\0\0\0' >"$SNAP/wasm_module.bin"
head -c 128K /dev/urandom >"$SNAP/wasm_memory.bin"
printf '{\n  "globals": [{"f64": 1.50e+00}],\n  "wasm_module_size": 8,\n  "wasm_memory_size": 131072,\n  "stable_memory_size": %s\n}' \
	"$len" >"$SNAP/metadata.json"
cp "$SNAP/metadata.json" "$T/before"

# said BYTES: the number in metadata.json, whose every other byte is as before.
said() {
	sed "s/\(\"stable_memory_size\": \)[0-9]*/\1$1/" "$T/before" | cmp - "$SNAP/metadata.json" ||
		fail "metadata.json: $(cat "$SNAP/metadata.json")"
	is "$1" "$(stat -c %s "$SNAP/stable_memory.bin")" "length"
}

start_on "$SNAP" "$MNT"
cmp "$MNT/.canister/heap" "$SNAP/wasm_memory.bin"
cmp "$MNT/.canister/module.wasm" "$SNAP/wasm_module.bin"
cmp "$MNT/.canister/metadata.json" "$SNAP/metadata.json"
cmp "$MNT/.canister/stable" "$SNAP/stable_memory.bin"
is "heap info.json metadata.json module.wasm records stable" "$(ls "$MNT/.canister" | paste -sd' ')" ".canister"
! printf x 2>/dev/null >"$MNT/.canister/heap" || fail "the heap can be written to"
# Nobody else while it is mounted: by icp-cli's lock.
! flock -n "$SNAP/.lock" true || fail "the directory is not locked"

head -c 3M /dev/urandom >"$T/new"
cp "$T/new" "$MNT/9"
sync "$MNT/9"
said $((len + 3 * 1048576))
# It was replaced; what is shown is the new one.
cmp "$MNT/.canister/metadata.json" "$SNAP/metadata.json"
rm "$MNT/9"
printf edited | dd of="$MNT/3" conv=notrunc status=none
stop
said "$len"
start_on "$SNAP" "$MNT" -o ro
is edited "$(head -c 6 "$MNT/3")" "memory 3"
stop
sound "$SNAP"
flock -n "$SNAP/.lock" true || fail "the directory is still locked"

# With an overlay in front nothing of it is written, and a commit brings the number along.
sha256sum "$SNAP"/* >"$T/sums"
start_on "$SNAP" "$MNT" -o overlay="$T/o.qcow2"
cp "$T/new" "$MNT/9"
rm "$MNT/4"
cmp "$MNT/.canister/heap" "$SNAP/wasm_memory.bin"
stop
"$CANISTERFS" run "$SNAP" -- sh -c 'rm "$MNT/3"' >"$T/said"
is passed "$(tail -n 1 "$T/said")" "the run"
sha256sum --quiet -c "$T/sums" || fail "the overlay's base was written"
"$CANISTERFS" commit "$T/o.qcow2" 2>"$T/said"
grep -q "the heap in it does not know" "$T/said" || fail "commit: $(cat "$T/said")"
said "$((len - 1048576))"
start_on "$SNAP" "$MNT" -o ro
cmp -n 3145728 "$T/new" "$MNT/9"
[ ! -e "$MNT/4" ] || fail "memory 4 is back"
stop
sound "$SNAP"
