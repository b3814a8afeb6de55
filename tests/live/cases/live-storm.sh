#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever many processes do to a mount at once, it stands, and leaves a sound image. With
# ThreadSanitizer, this looks for races.
. "${0%/*}/../../mount/lib.sh"
requires python3

choose_seed
create 1
start
expect_scratch "scratch-[0-9]+"
# What a rollback made shorter while its last bytes were on their way.
expect_log "canisterfs: .*: bytes [0-9]+ to [0-9]+ of memory [0-9]+(, which has [0-9]+| cannot be written: Input/output error)"
python3 "$here/../live/storm.py" "$CANISTERFS" "$MNT" "$T" "$(rounds 100)" "$seed" || fail "the storm broke off"
stop
sound
