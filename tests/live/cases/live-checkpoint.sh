#!/bin/bash
# SPDX-License-Identifier: MIT
# checkpoint of a mount and of a snapshot: what is packed is one instant, whoever writes meanwhile.
. "${0%/*}/../../mount/lib.sh"
. "${0%/*}/../writer.sh"

create 2
start
head -c 3000000 /dev/urandom >"$T/a"
cp "$T/a" "$MNT/5"
cp "$T/a" "$MNT/4"
rm "$MNT/4"
"$CANISTERFS" checkpoint "$MNT" "$T/now.qcow2" >/dev/null
is "" "$(ls "$MNT/.snap")" "the snapshot that was taken for it"
mkdir "$MNT/.snap/was"
start_writer
"$CANISTERFS" checkpoint "$MNT" "$T/during.qcow2" >/dev/null
"$CANISTERFS" checkpoint "$MNT" "$T/was.qcow2" --snapshot was >/dev/null
stop_writer
stop
for file in now was during; do
	"$CANISTERFS" verify "$T/$file.qcow2" >/dev/null
	"$CANISTERFS" cat "$T/$file.qcow2" 5 >"$T/got"
	cmp -n 3000000 "$T/got" "$T/a"
	sound "$T/$file.qcow2"
done
"$CANISTERFS" compare "$T/now.qcow2" "$T/was.qcow2" >/dev/null
one_instant "$T/during.qcow2"
"$CANISTERFS" checkpoint "$IMG" "$T/unmounted.qcow2" --snapshot was >/dev/null
cmp "$T/unmounted.qcow2" "$T/was.qcow2"
