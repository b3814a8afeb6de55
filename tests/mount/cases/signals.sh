#!/bin/bash
# SPDX-License-Identifier: MIT
# INT, TERM and HUP end a mount as an unmount does: with 0, and with all that was written.
. "${0%/*}/../lib.sh"

create 1
for signal in INT TERM HUP; do
	start
	printf "$signal" >"$MNT/5"
	kill -$signal "${daemon_of[$MNT]}"
	ended
	is $signal "$("$CANISTERFS" cat "$IMG" 5 | head -c ${#signal})" "after $signal"
	# what only the kernel has yet
	start
	probe "0 3 0" open "$MNT/6" 'O_RDWR|O_CREAT' : write 0 100000 "${signal:0:3}" \
		: sh "kill -$signal ${daemon_of[$MNT]}"
	ended
	is "${signal:0:3}" "$("$CANISTERFS" cat "$IMG" 6 | dd bs=1 skip=100000 count=3 status=none)" \
		"held open, after $signal"
	sound
done
