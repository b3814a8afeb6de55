# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What the cases of passthrough share; sourced behind lib.sh.

requires jq
requires_root

# passes [DIR]: whether the kernel reads by itself there, true or false
passes() {
	jq .mount.passthrough "${1:-$MNT}/.canister/info.json"
}

why_not() {
	jq -r .mount.passthrough_why "${1:-$MNT}/.canister/info.json"
}

# refused REASON [WORDS...]: a mount that demands passthrough fails with a line that says so.
refused() {
	local reason=$1 rc=0
	shift
	"$CANISTERFS" mount -f "$IMG" "$MNT" -o passthrough=yes "$@" >"$T/said" 2>&1 || rc=$?
	[ $rc -gt 0 ] || fail "$* is mounted with passthrough"
	is 1 "$(grep -c '^canisterfs: ' "$T/said")" "lines of complaint"
	grep -q "^canisterfs: $MNT: passthrough=yes: .*$reason" "$T/said" || fail "it said: $(cat "$T/said")"
	! is_mounted "$MNT" || fail "$MNT is mounted all the same"
}

# A file system of its own at $DISK: once it can be unmounted, nobody has a file there.
DISK=$T/disk
private_disk() {
	mkdir "$DISK"
	mount -t tmpfs none "$DISK" 2>/dev/null || skip "no file system can be mounted"
	cleanup_fn umount -lq "$DISK"
}
nothing_left() {
	until umount "$DISK" 2>/dev/null; do sleep 0.02; done
	mount -t tmpfs none "$DISK"
	is "" "$(find /var/tmp -maxdepth 1 -user 0 -newer "$T/started" -name '#*')" "left in /var/tmp"
}

# can_pass: the case is skipped where the kernel lacks something.
can_pass() {
	local rc=0
	touch "$T/started"
	golden c_interleaved "$T/probe"
	"$CANISTERFS" mount "$T/probe" "$MNT" -o ro,passthrough=yes 2>"$T/why" || rc=$?
	[ $rc = 0 ] || skip "no passthrough here: $(cat "$T/why")"
	"$CANISTERFS" umount "$MNT"
}
