#!/bin/bash
# SPDX-License-Identifier: MIT
# One writer, or many readers; whoever comes second is told so.
. "${0%/*}/../lib.sh"

golden c_interleaved
mkdir "$T/second" "$T/third"
busy() { # busy WORDS...
	"$CANISTERFS" "$@" >/dev/null 2>"$T/said.log" && fail "not refused: $*"
	grep -q 'in use' "$T/said.log" || fail "$*: $(cat "$T/said.log")"
}
start
busy mount -f "$IMG" "$T/second"
busy mount -f -o ro "$IMG" "$T/second"
busy info "$IMG"
busy put "$IMG" 3 /dev/null
busy check --repair "$IMG"
stop
start -o ro
start_on "$IMG" "$T/second" -o ro
start_on "$IMG" "$T/third" -o ro
for id in 0 1 2 3 4; do cmp "$MNT/$id" "$T/third/$id"; done
"$CANISTERFS" info "$IMG" >/dev/null
busy mount -f "$IMG" "$T/second"
busy put "$IMG" 3 /dev/null
stop
stop "$T/second"
stop "$T/third"
# a link is the same image
ln "$IMG" "$T/link"
ln -s "$IMG" "$T/symlink"
start
busy mount -f "$T/link" "$T/second"
busy mount -f "$T/symlink" "$T/second"
stop
