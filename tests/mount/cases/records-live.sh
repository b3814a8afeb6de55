#!/bin/bash
# SPDX-License-Identifier: MIT
# .canister/records follows what is written to the memories: names, values, orders of keys, listings
# that go on, and damage.
. "${0%/*}/../lib.sh"
requires python3

create 16
start
expect_log "canisterfs: .*" # that structures are damaged
python3 "${0%/*}/../records_live.py" "$MNT"
stop
sound
