#!/bin/bash
# SPDX-License-Identifier: MIT
# checkpoint of a mount and of a snapshot: what is packed is one instant, whoever writes meanwhile.
. "${0%/*}/../../mount/lib.sh"

create 2
start
head -c 3000000 /dev/urandom >"$T/a"
cp "$T/a" "$MNT/5"
cp "$T/a" "$MNT/4"
rm "$MNT/4"
"$CANISTERFS" checkpoint "$MNT" "$T/now.qcow2" >/dev/null
is "" "$(ls "$MNT/.snap")" "the snapshot that was taken for it"
mkdir "$MNT/.snap/was"
# A writer that keeps two memories alike, one after the other.
(for i in $(seq 1000); do
	printf '%08d' "$i" | dd of="$MNT/7" conv=notrunc,fsync status=none
	printf '%08d' "$i" | dd of="$MNT/8" conv=notrunc,fsync status=none
done) 2>/dev/null &
writer=$!
cleanup_fn kill "$writer"
until [ -s "$MNT/8" ]; do sleep 0.01; done
"$CANISTERFS" checkpoint "$MNT" "$T/during.qcow2" >/dev/null
"$CANISTERFS" checkpoint "$MNT" "$T/was.qcow2" --snapshot was >/dev/null
kill -0 "$writer" || fail "the writer is through: nothing was proved"
kill "$writer"
wait "$writer" || true
stop
for file in now was during; do
	"$CANISTERFS" verify "$T/$file.qcow2" >/dev/null
	"$CANISTERFS" cat "$T/$file.qcow2" 5 >"$T/got"
	cmp -n 3000000 "$T/got" "$T/a"
	sound "$T/$file.qcow2"
done
"$CANISTERFS" compare "$T/now.qcow2" "$T/was.qcow2" >/dev/null
seven=$("$CANISTERFS" cat "$T/during.qcow2" 7 | tr -d '\0')
eight=$("$CANISTERFS" cat "$T/during.qcow2" 8 | tr -d '\0')
[ $((10#$seven - 10#$eight)) = 0 ] || [ $((10#$seven - 10#$eight)) = 1 ] ||
	fail "not one instant: $seven and $eight"
"$CANISTERFS" checkpoint "$IMG" "$T/unmounted.qcow2" --snapshot was >/dev/null
cmp "$T/unmounted.qcow2" "$T/was.qcow2"
