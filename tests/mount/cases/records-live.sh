#!/bin/bash
# SPDX-License-Identifier: MIT
# .canister/records follows what is written to the memories: names, values, orders of keys, listings
# that go on, and damage.
. "${0%/*}/../lib.sh"
requires python3

create 16
# How wide the lengths of keys are cannot be told of so few keys; the names file tells.
printf '%s = { name = "m%s", max_key = "unbounded" }\n' 3 3 5 5 6 6 >"$T/names"
start -o names="$T/names"
expect_log "canisterfs: .*" # that structures are damaged
python3 "${0%/*}/../records_live.py" "$MNT"
stop
sound
