#!/bin/bash
# SPDX-License-Identifier: MIT
# What cannot be read by the kernel itself is read as ever, without a word, and passthrough=yes says
# why it cannot.
. "${0%/*}/../lib.sh"
. "$here/passthrough.sh"

falls_back() { # REASON [WORDS...]
	local reason=$1
	shift
	refused "$reason" "$@"
	start -o ro "$@"
	is false "$(passes)" "passthrough of $*"
	why_not | grep -q "$reason" || fail "info.json says: $(why_not)"
	cmp "$T/3" "$MNT/3" || fail "memory 3 of $*"
	stop
}

golden c_interleaved "$T/plain"
"$CANISTERFS" cat "$T/plain" 3 >"$T/3"
cp "$T/plain" "$IMG"
! "$CANISTERFS" mount "$IMG" "$MNT" -o ro,passthrough=maybe 2>"$T/said" || fail "maybe is taken"
grep -q 'passthrough=maybe: .*yes, no or auto' "$T/said" || fail "it said: $(cat "$T/said")"
start -o ro,passthrough=no
is false "$(passes)" "passthrough=no"
stop

# A mount that writes: by whatever mixture of options.
refused "ro"
start -o passthrough=auto
is false "$(passes)" "a mount that writes"
stop

"$CANISTERFS" checkpoint "$T/plain" "$T/checkpoint" >/dev/null
IMG=$T/checkpoint
falls_back "plain file" -o ro
IMG=$T/plain
start -o "overlay=$T/over"
printf changed | dd of="$MNT/3" conv=notrunc status=none
cp "$MNT/3" "$T/3"
stop
falls_back "plain file" -o ro -o "overlay=$T/over"
"$CANISTERFS" cat "$T/plain" 3 >"$T/3"
if device=$(losetup -f --show "$T/plain" 2>/dev/null); then
	cleanup_fn losetup -d "$device"
	IMG=$device
	falls_back "plain file" -o ro
fi
IMG=$T/plain

# Without the right to mount: the daemon's own user and mount namespace.
if unshare -Urm true 2>/dev/null; then
	unshare -Urm "$CANISTERFS" mount "$IMG" "$MNT" -o ro,passthrough=yes 2>"$T/said" &&
		fail "passthrough without root"
	grep -q 'passthrough=yes: ' "$T/said" || fail "it said: $(cat "$T/said")"
fi

# Nothing to read.
rm -f "$T/empty"
create 1 "$T/empty"
IMG=$T/empty
refused "no memory" -o ro
start -o ro
is "false" "$(passes)" "an empty image"
stop
