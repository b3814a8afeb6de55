#!/bin/bash
# SPDX-License-Identifier: MIT
# What a memory held before never shows again when it grows over the place.
. "${0%/*}/../lib.sh"

create 2
start
head -c $((10 * PAGE)) /dev/zero | tr '\0' x >"$MNT/1"
truncate -s 10 "$MNT/1"
truncate -s $((10 * PAGE)) "$MNT/1"
{ printf xxxxxxxxxx; head -c $((10 * PAGE - 10)) /dev/zero; } | cmp - "$MNT/1"
head -c $((10 * PAGE)) /dev/zero | tr '\0' y >"$MNT/2"
rm "$MNT/2"
truncate -s $((10 * PAGE)) "$MNT/3"
cmp -n $((10 * PAGE)) /dev/zero "$MNT/3"
stop
start
cmp -n $((10 * PAGE)) /dev/zero "$MNT/3"
stop
sound
