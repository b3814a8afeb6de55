#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 of the daemon at random moments of a growing, shrinking, renaming load: the image loads, and
# holds what was promised.
. "${0%/*}/../lib.sh"

choose_seed
cleanup_fn umount -lq "$MNT"
expect_scratch '.*'
for pages in 1 4; do
	rm -f "$IMG"
	create $pages
	"$here/crash.py" "$seed.$pages" "$(rounds 15)" "$CANISTERFS" "$IMG" "$MNT"
	check_log "$IMG.log"
	rm "$IMG.log"
	# as the README says: what a kill has left is mended, then the mount goes on
	"$CANISTERFS" check --repair --save "$T/undo.$pages" "$IMG" >"$T/repair.log" ||
		[ $? = 1 ] || fail "$(cat "$T/repair.log")"
	sound
	start
	stop
	sound
done
