#!/bin/bash
# SPDX-License-Identifier: MIT
# umount returns when the image is free: not while the file system is mounted elsewhere, too.
. "${0%/*}/../lib.sh"
requires_root
requires unshare setpriv

in_use() { # while umount runs in the background, the image is not free
	! "$CANISTERFS" check "$IMG" >"$T/out" 2>&1 || fail "check read an image that is in use"
	grep -q 'in use' "$T/out" || fail "$(cat "$T/out")"
}

said() { # waits until umount has said WORDS
	until grep -q -- "$1" "$T/e"; do
		kill -0 "$umount" 2>/dev/null || fail "umount has ended: $(cat "$T/e")"
		sleep 0.02
	done
}

# a bind mount
create 2
start
other=$T/other
mkdir "$other"
mount --bind "$MNT" "$other"
cleanup_fn umount -lq "$other"
cleanup_fn umount -lq "$MNT"
"$CANISTERFS" umount "$MNT" 2>"$T/e" &
umount=$!
said "unmounted; waiting, because the same mount is also at $other"
in_use
umount "$other"
wait $umount
ended
sound

# no longer than it is told to
start
mount --bind "$MNT" "$other"
! "$CANISTERFS" umount --timeout 0 "$MNT" 2>"$T/e" || fail "it ended with 0"
grep -q "unmounted, but the image is in use: the same mount is also at $other" "$T/e" || fail "$(cat "$T/e")"
in_use
"$CANISTERFS" umount "$other"
ended

# another namespace
start
mkfifo "$T/end"
unshare -m --propagation private sh -c ': >"$1"; read x <"$2"' sh "$T/ready" "$T/end" &
holder=$!
until [ -e "$T/ready" ]; do sleep 0.02; done
"$CANISTERFS" umount "$MNT" 2>"$T/e" &
umount=$!
said "process [0-9]* has the same mount at $MNT, in a mount namespace of its own"
in_use
echo >"$T/end"
wait $holder $umount
ended
sound

# Another user's: root is not let in, and unmounts it all the same, with all that was written.
chown -R 1000:1000 "$T"
chmod 755 "$T"
as() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
as true 2>/dev/null || skip "there can be no other user"
if as env HOME="$T" "$CANISTERFS" mount "$IMG" "$MNT" 2>"$T/e"; then
	! stat "$MNT" >/dev/null 2>&1 || fail "root sees into another user's mount"
	as sh -c "echo hello >'$MNT/3'"
	"$CANISTERFS" umount "$MNT"
	is hello "$("$CANISTERFS" cat "$IMG" 3 | head -c 5)"
else
	grep -qE 'fusermount3|ermitted|denied' "$T/e" || fail "$(cat "$T/e")"
fi
