#!/bin/bash
# SPDX-License-Identifier: MIT
# A write that failed has failed for fsync and umount until the bytes are written, cut off or removed.
. "${0%/*}/../lib.sh"
requires_root

disk=$T/disk
mkdir "$disk"
cleanup_fn umount -lq "$disk"
mount -t tmpfs -o size=8m none "$disk"
IMG=$disk/image
head -c 12000000 /dev/urandom >"$T/a"
head -c 100000 "$T/a" >"$T/small"

fresh() {
	rm -f "$IMG"
	mount -o remount,size=8m "$disk"
	create 2
	start
}

# The file, as the daemon has it: not from the kernel's cache.
uncached() {
	python3 - "$1" <<'PY'
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
os.lseek(fd, 0, 0)
while piece := os.read(fd, 1 << 20):
    sys.stdout.buffer.write(piece)
PY
}

refused() { # umount and fsync of FILE, and say WHAT
	local file=$1 what=$2
	! "$CANISTERFS" umount "$MNT" 2>"$T/e" || fail "umount ended with 0"
	grep -q "left mounted.*bytes [0-9]* to [0-9]* of $what are not written" "$T/e" || fail "$(cat "$T/e")"
	for _ in 1 2 3; do
		! sync "$file" 2>/dev/null || fail "fsync ended with 0"
	done
}

ended_well() {
	"$CANISTERFS" umount "$MNT"
	ended
	sound
}

for file in 40 notes; do
	[ "$file" = 40 ] && what="memory 40" || what="scratch file 'notes'"
	expect_log ".*bytes [0-9]+ to [0-9]+ of (memory 40|a scratch file|scratch file 'notes') (cannot be|are not) written: .*"

	# kept, shown, and written when there is room
	fresh
	! cat "$T/a" >"$MNT/$file" 2>/dev/null || fail "the writer heard nothing"
	refused "$MNT/$file" "$what"
	uncached "$MNT/$file" | cmp - "$T/a"
	mount -o remount,size=64m "$disk"
	sync "$MNT/$file"
	uncached "$MNT/$file" | cmp - "$T/a"
	if [ "$file" = 40 ]; then
		ended_well
		"$CANISTERFS" cat "$IMG" 40 >"$T/out"
		cmp -n 12000000 "$T/out" "$T/a"
	else
		mv "$MNT/notes" "$MNT/7"
		ended_well
		"$CANISTERFS" cat "$IMG" 7 >"$T/out"
		cmp -n 12000000 "$T/out" "$T/a"
	fi

	# cut off, and removed
	for way in 'truncate -s 100000' rm 'cp /dev/null'; do
		fresh
		! cat "$T/a" >"$MNT/$file" 2>/dev/null || fail "the writer heard nothing"
		refused "$MNT/$file" "$what"
		$way "$MNT/$file"
		[ ! -e "$MNT/$file" ] || sync "$MNT/$file"
		if [ "$way" = 'truncate -s 100000' ]; then
			uncached "$MNT/$file" | cmp - "$T/small"
		fi
		rm -f "$MNT/notes"
		ended_well
	done
done

# no snapshot without them
fresh
! cat "$T/a" >"$MNT/40" 2>/dev/null || fail "the writer heard nothing"
probe ENOSPC mkdir "$MNT/.snap/a"
rm "$MNT/40"
mkdir "$MNT/.snap/a"
rmdir "$MNT/.snap/a"
ended_well

# more than is kept: what is lost is no zeros
fresh
! head -c 90M /dev/zero | tr '\0' x >"$MNT/40" || fail "the writer heard nothing"
mount -o remount,size=200m "$disk"
refused "$MNT/40" "memory 40"
expect_log ".*bytes [0-9]+ to [0-9]+ of memory 40 were not written, and are lost"
! uncached "$MNT/40" >"$T/out" 2>/dev/null || fail "what is lost was read"
head -c 90M /dev/zero | tr '\0' y >"$MNT/40"
ended_well
"$CANISTERFS" cat "$IMG" 40 | cmp - <(head -c 90M /dev/zero | tr '\0' y)

# The end by a signal, and by another's umount: the daemon says what is lost, and fails.
for how in 'kill -TERM' umount; do
	fresh
	! cat "$T/a" >"$MNT/40" 2>/dev/null || fail "the writer heard nothing"
	if [ "$how" = umount ]; then umount "$MNT"; else kill -TERM "${daemon_of[$MNT]}"; fi
	rc=0
	wait "${daemon_of[$MNT]}" || rc=$?
	is 32 $rc "the daemon's exit"
	grep -q 'bytes [0-9]* to [0-9]* of memory 40 are not written' "${log_of[$MNT]}" || fail "nothing said"
	unset "daemon_of[$MNT]"
	sound
done
