#!/bin/bash
# SPDX-License-Identifier: MIT
# What was fsynced is in the image's file, for all to read, while the mount goes on.
. "${0%/*}/../lib.sh"

create 2
start
# the header has 1 page; bucket 0 is 2's first
probe "0 4 0 0 4 0" open "$MNT/2" 'O_RDWR|O_CREAT' : write 0 5 here : fsync 0 \
	: sh "test \$(dd if='$IMG' bs=1 skip=$((PAGE + 5)) count=4 status=none) = here" \
	: write 0 5 more : sh "sync -f '$MNT'"
is more "$(dd if="$IMG" bs=1 skip=$((PAGE + 5)) count=4 status=none)"
dd if=/dev/zero of="$MNT/3" bs=4096 count=20 oflag=sync status=none
is 81920 "$(stat -c %s "$MNT/3")"
sync "$MNT"
stop
sound
