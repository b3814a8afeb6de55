#!/bin/bash
# SPDX-License-Identifier: MIT
# A database in a memory is whole and has the rows that were committed, in every journal mode and in
# whatever way its mount ends or another state takes its place: against a model, at random.
. "${0%/*}/../../mount/lib.sh"
requires python3

choose_seed
python3 "$here/../live/sqlite_rounds.py" "$seed" "$(rounds 8)" "$CANISTERFS" "$T" ||
	fail "the model does not agree; CANISTERFS_TEST_SEED=$seed"
