#!/bin/bash
# SPDX-License-Identifier: MIT
# vim, with each way it has to make backups, and ed.
. "${0%/*}/../lib.sh"
requires vim ed

expect_scratch 5~
create 1
start
seq 1 20000 >"$T/a"
cp "$T/a" "$MNT/5"
for copy in yes no auto; do
	for f in "$T/a" "$MNT/5"; do
		vim -u NONE -N -es -c 'set swapfile backup' -c "set backupcopy=$copy" \
			-c "%s/9/nine $copy/" -c wq "$f" </dev/null
	done
	cmp "$T/a" "$MNT/5"
	cmp "$T/a~" "$MNT/5~"
done
is "5 5~" "$(ls "$MNT" | paste -sd' ')" "files"
printf '%s\n' 1,100d 's/^/first /' w q >"$T/script"
ed -s "$T/a" <"$T/script"
ed -s "$MNT/5" <"$T/script"
cmp "$T/a" "$MNT/5"
stop
start
cmp -n "$(stat -c %s "$T/a")" "$T/a" "$MNT/5"
stop
sound
