#!/bin/bash
# SPDX-License-Identifier: MIT
# Going to the background: only after the mount stands, letting go of the terminal; and what is
# refused before that, with its exit status and one line.
. "${0%/*}/../lib.sh"

refused() { # refused STATUS WORDS...
	local want=$1 rc=0
	shift
	"$CANISTERFS" "$@" >"$T/out.log" 2>"$T/said.log" || rc=$?
	is "$want" $rc "status of $*"
	is 1 "$(wc -l <"$T/said.log")" "lines from $*"
	[ ! -s "$T/out.log" ] || fail "$* prints $(cat "$T/out.log")"
	! is_mounted "$MNT" || fail "$* has mounted"
}
cleanup_fn umount -lq "$MNT"
golden c_interleaved
refused 32 mount "$IMG" "$T/nowhere"
refused 32 mount "$T/nothing" "$MNT"
refused 32 mount "$IMG" "$IMG"
refused 32 mount "$T" "$MNT"
refused 32 mount -o remount,ro "$IMG" "$MNT"
refused 1 mount -o nonsense "$IMG" "$MNT"
refused 32 mount -o ro,uid=zero "$IMG" "$MNT"
refused 1 mount "$IMG"
refused 1 mount --nonsense "$IMG" "$MNT"
head -c 100000 /dev/zero >"$T/zeros"
refused 32 mount "$T/zeros" "$MNT"
: >"$T/empty"
refused 32 mount "$T/empty" "$MNT"
# the pipe ends when the command does: the daemon does not hold it
is "" "$("$CANISTERFS" mount "$IMG" "$MNT" 2>&1)"
is_mounted "$MNT" || fail "not mounted when the command had ended"
printf new >"$MNT/9"
cd "$MNT"
"$CANISTERFS" umount "$MNT" 2>"$T/said.log" && fail "unmounted while in use"
cd /
grep -q 'in use' "$T/said.log" || fail "$(cat "$T/said.log")"
"$CANISTERFS" umount "$MNT"
is new "$("$CANISTERFS" cat "$IMG" 9 | head -c 3)"
# without standard descriptors, by relative paths
(cd "$T" && "$CANISTERFS" mount image mnt <&- >&- 2>&-)
grep -q '"id": 9' "$MNT/.canister/info.json"
printf newer >"$MNT/9"
"$CANISTERFS" umount "$MNT"
is newer "$("$CANISTERFS" cat "$IMG" 9 | head -c 5)"
"$CANISTERFS" umount "$MNT" 2>"$T/said.log" && fail "unmounted twice"
is 1 "$(wc -l <"$T/said.log")" "lines"
sound
