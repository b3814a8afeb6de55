#!/bin/bash
# SPDX-License-Identifier: MIT
# The mount helper's form: mount -t fuse.canisterfs, and a line of fstab; the image's path arrives as
# the name of the file system.
. "${0%/*}/../lib.sh"
requires unshare
requires_root
[ -x /sbin/mount.fuse ] || skip "there is no mount.fuse"
# Not where / is no mount point, as in a bare chroot.
unshare -m --propagation private true 2>/dev/null || skip "no namespace of mounts can be had here"

golden c_interleaved
mkdir "$T/bin"
ln -s "$CANISTERFS" "$T/bin/canisterfs"
echo "$IMG $MNT fuse.canisterfs ro,nofail,noauto,x-systemd.automount 0 0" >"$T/fstab"
# mount looks for programs in directories of its own: in a namespace of our own one of them is ours
cat >"$T/script" <<'SCRIPT'
set -eu
mount --bind "$T/bin" /usr/local/bin
mount -t fuse.canisterfs -o noatime "$IMG" "$MNT"
test "$(findmnt -no SOURCE,FSTYPE "$MNT")" = "$IMG fuse.canisterfs"
printf new >"$MNT/100"
"$CANISTERFS" umount "$MNT"
mount -T "$T/fstab" "$MNT"
test "$(stat -c %s "$MNT/100")" = 65536
! touch "$MNT/100" 2>/dev/null
findmnt -no OPTIONS "$MNT" | grep -q '^ro,'
umount "$MNT"
test "$(mount -t fuse.canisterfs "$T/none" "$MNT" 2>&1; echo $?)" = \
	"canisterfs: $T/none: cannot be opened: No such file or directory
32"
rc=0
mount -t fuse.canisterfs -o nonsense=1 "$IMG" "$MNT" 2>"$T/said.log" || rc=$?
test "$rc" = 1
grep -q nonsense "$T/said.log"
# without a verb, from the shell
canisterfs "$IMG" "$MNT" -o ro
test "$(ls "$MNT" | wc -l)" = 6
"$CANISTERFS" umount "$MNT"
SCRIPT
export T IMG MNT CANISTERFS
PATH=/usr/local/bin:$PATH unshare -m --propagation private bash -x "$T/script" 2>"$T/script.log" ||
	fail "$(tail -n 5 "$T/script.log")"
sound
