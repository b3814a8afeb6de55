#!/bin/bash
# SPDX-License-Identifier: MIT
# What a daemon that the kernel reads past leaves: nothing after umount, and after kill -9 a mount
# whose open files go on reading and which opens no more. And an overlayfs can stand on such a mount.
. "${0%/*}/../lib.sh"
. "$here/passthrough.sh"
can_pass
private_disk
chmod 711 "$T"

IMG=$DISK/image
again() {
	golden c_interleaved
	start -o ro,passthrough=yes,allow_other
	want=$(sha256sum <"$MNT/3")
}

again
stop
nothing_left

again
exec 7<"$MNT/3" 8<"$MNT/3"
kill -KILL "${daemon_of[$MNT]}"
wait "${daemon_of[$MNT]}" || true
is "$want" "$(sha256sum <&7)" "an open file after kill -9"
probe ENOTCONN open "$MNT/3" O_RDONLY
exec 7<&-
unmount -l "$MNT"
is "$want" "$(sha256sum <&8)" "an open file after umount"
exec 8<&-
unset "daemon_of[$MNT]"
nothing_left

# umount -l while a file is open: gone with the file
again
exec 7<"$MNT/3"
umount -l "$MNT"
is "$want" "$(sha256sum <&7)" "an open file after umount -l"
exec 7<&-
ended
nothing_left

# SIGTERM
again
kill -TERM "${daemon_of[$MNT]}"
ended
nothing_left

# Others see the files with the rights that they have without passthrough.
modes=() sums=()
for how in no yes; do
	golden c_interleaved
	chmod 644 "$IMG"
	start -o ro,allow_other,passthrough=$how
	modes[${#modes[@]}]=$(stat -c '%A %u %g' "$MNT/3" "$MNT")
	if command -v setpriv >/dev/null; then
		sums[${#sums[@]}]=$(setpriv --reuid 65534 --regid 65534 --clear-groups sha256sum "$MNT/3")
		! setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "echo x >>$MNT/3" 2>/dev/null ||
			fail "nobody writes"
	fi
	stop
done
is "${modes[0]}" "${modes[1]}" "modes"
is "${sums[0]-}" "${sums[1]-}" "what nobody reads"

again
mkdir "$T/upper" "$T/work" "$T/merged"
cleanup_fn umount -lq "$T/merged"
mount -t overlay none "$T/merged" -o "lowerdir=$MNT,upperdir=$T/upper,workdir=$T/work" ||
	fail "an overlayfs does not stand on it"
is "$want" "$(sha256sum <"$T/merged/3")" "memory 3 through an overlayfs"
printf changed | dd of="$T/merged/3" conv=notrunc status=none
is changed "$(head -c 7 "$T/merged/3")" "memory 3, changed in the overlayfs"
is "$want" "$(sha256sum <"$MNT/3")" "memory 3 below it"
umount "$T/merged"
stop
nothing_left
