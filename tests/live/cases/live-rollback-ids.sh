#!/bin/bash
# SPDX-License-Identifier: MIT
# A request to bring a memory back that cannot be is refused, and brings nothing back; mv in .snap
# takes its turn with whoever else changes snapshots.
. "${0%/*}/../../mount/lib.sh"
requires python3

# ask MM_ID: the status with which the mount answers a rollback to snapshot "was".
ask() {
	python3 - "$MNT/.canister/stable" "$1" <<-'EOF'
		import fcntl, struct, sys
		ROLLBACK, LEN = 4, 16 + 256 + 256 + 512 + 304 + 255 * 8 + 8 + 4 * 24 + 8 + 48
		request = bytearray(struct.pack("=Iiii256s", ROLLBACK, 0, int(sys.argv[2]), 0, b"was"))
		request.extend(bytes(LEN - len(request)))
		with open(sys.argv[1], "rb") as mount:
		    fcntl.ioctl(mount, 3 << 30 | LEN << 16 | ord("C") << 8 | 1, request)
		print(struct.unpack_from("=i", request, 4)[0])
	EOF
}

create 1
start
echo old >"$MNT/1"
mkdir "$MNT/.snap/was"
echo new >"$MNT/1"
for id in 255 256 -2 2147483647 -2147483648; do
	is -22 "$(ask "$id")" "the answer to memory $id"
	is new "$(head -c 3 "$MNT/1")" "the memory after $id"
done
is 0 "$(ask 1)" "the answer to memory 1"
is old "$(head -c 3 "$MNT/1")" "the memory after 1"
echo new >"$MNT/1"
is 0 "$(ask -1)" "the answer to all"
is old "$(head -c 3 "$MNT/1")" "the memory after all"

mv "$MNT/.snap/was" "$MNT/.snap/is"
is is "$(ls -A "$MNT/.snap")"
! mv "$MNT/.snap/nothing" "$MNT/.snap/x" 2>"$T/said" || fail "moved what is not there"
mkdir "$MNT/.snap/two"
! mv -T "$MNT/.snap/two" "$MNT/.snap/is" 2>"$T/said" || fail "moved over another"
# Each of a crowd that moves one snapshot from name to name finds it where another left it.
for n in 1 2 3 4; do
	for _ in $(seq 20); do
		mv "$MNT/.snap/is" "$MNT/.snap/moved$n" 2>/dev/null && mv "$MNT/.snap/moved$n" "$MNT/.snap/is"
		mkdir "$MNT/.snap/own$n" && rmdir "$MNT/.snap/own$n"
	done &
done
for job in $(jobs -p); do
	[ "$job" = "${daemon_of[$MNT]}" ] || wait "$job" || fail "a crowd's member failed"
done
is old "$(head -c 3 "$MNT/.snap/is/1")" "the snapshot that was moved about"
stop
sound
