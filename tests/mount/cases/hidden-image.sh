#!/bin/bash
# SPDX-License-Identifier: MIT
# Where the image, its overlay or its scratch files lie nothing is mounted: the daemon would wait
# for itself.
. "${0%/*}/../lib.sh"

golden c_interleaved
mkdir "$MNT/tmp"
cp "$IMG" "$MNT/image"
refused() {
	local what=$1 rc=0
	shift
	timeout 60 "$CANISTERFS" mount "$@" "$MNT" 2>"$T/said.log" || rc=$?
	is 32 $rc "exit status"
	grep -qF "canisterfs: $MNT: cannot be mounted on: $what" "$T/said.log" || fail "$(cat "$T/said.log")"
	is 1 "$(wc -l <"$T/said.log")" "lines of the message"
	! mountpoint -q "$MNT" || fail "mounted"
}
refused "$MNT/image lies there, and would be hidden" "$MNT/image"
refused "$MNT/over lies there, and would be hidden" -o overlay="$MNT/over" "$IMG"
refused "$MNT lies there, and would be hidden" -o scratch="$MNT" "$IMG"
TMPDIR=$MNT/tmp refused "$MNT/tmp/" -o ephemeral "$IMG"
is "image tmp" "$(ls "$MNT" | paste -sd' ')" "what the directory holds"
