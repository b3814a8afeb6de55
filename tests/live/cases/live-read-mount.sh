#!/bin/bash
# SPDX-License-Identifier: MIT
# What reads an image takes a mount as well, and sees one instant of it, with all that was written;
# what writes one refuses it. However the reader ends, nothing stays behind.
. "${0%/*}/../../mount/lib.sh"
. "${0%/*}/../writer.sh"

create 2
start
head -c 3000000 /dev/urandom >"$T/a"
cp "$T/a" "$MNT/5"
printf 'not synced' | dd of="$MNT/5" bs=1 seek=100 conv=notrunc status=none
"$CANISTERFS" cat "$MNT" 5 >"$T/got"
cmp -n 3000000 "$T/got" "$MNT/5"
is "$MNT: clean" "$("$CANISTERFS" check "$MNT")"
is '[5]' "$("$CANISTERFS" info --json "$MNT" | jq -c '[.memories[].id]')"
"$CANISTERFS" compare --strict "$MNT" "$MNT" >/dev/null
is "" "$(ls -A "$MNT/.snap")" "the snapshots that were taken for it"

start_writer
"$CANISTERFS" extract "$MNT" 7 "$T/seven" >/dev/null
"$CANISTERFS" rebucket --bucket-pages 1 "$MNT" "$T/during" >/dev/null
stop_writer
sound "$T/during"
"$CANISTERFS" cat "$T/during" 5 >"$T/got"
cmp -n 3000000 "$T/got" "$MNT/5"
one_instant "$T/during"

# Killed, the reader takes its snapshot along.
mkfifo "$T/pipe"
"$CANISTERFS" cat "$MNT" 5 >"$T/pipe" &
reader=$!
exec 9<"$T/pipe"
until [ -n "$(ls -A "$MNT/.snap")" ]; do sleep 0.01; done
kill -KILL "$reader"
wait "$reader" 2>/dev/null || true
for _ in $(seq 500); do
	[ -n "$(ls -A "$MNT/.snap")" ] || break
	sleep 0.01
done
is "" "$(ls -A "$MNT/.snap")" "the snapshot of a reader that was killed"
exec 9<&-

refused() {
	local line=$1
	shift
	! "$CANISTERFS" "$@" 2>"$T/err" || fail "$*: not refused"
	is "canisterfs: $line" "$(cat "$T/err")" "$*"
}
why="an image is mounted there: change its files, or unmount it first"
refused "$MNT: $why" check --undo "$T/a" "$MNT"
refused "$IMG: in use: mounted at $MNT" info "$IMG"
stop

# What is mounted for reading stands still by itself.
start -o ro
"$CANISTERFS" cat "$MNT" 5 >"$T/got"
cmp -n 3000000 "$T/got" "$MNT/5"
stop
