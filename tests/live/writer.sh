# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Sourced behind mount/lib.sh: a writer that keeps memories 7 and 8 alike, one after the other, for
# whoever has to see them at one instant.

start_writer() {
	(
		for ((i = 1; ; i++)); do
			[ ! -e "$T/enough" ] || exit 0
			printf '%08d' "$i" | dd of="$MNT/7" conv=notrunc,fsync status=none
			printf '%08d' "$i" | dd of="$MNT/8" conv=notrunc,fsync status=none
		done
	) &
	writer=$!
	until [ -s "$MNT/8" ]; do sleep 0.01; done
}

# Not by a signal, which would leave the writer's own child at work.
stop_writer() {
	touch "$T/enough"
	wait "$writer"
}

one_instant() {
	local seven eight
	seven=$("$CANISTERFS" cat "$1" 7 | tr -d '\0')
	eight=$("$CANISTERFS" cat "$1" 8 | tr -d '\0')
	[ $((10#$seven - 10#$eight)) = 0 ] || [ $((10#$seven - 10#$eight)) = 1 ] ||
		fail "not one instant: $seven and $eight"
}
