#!/bin/bash
# SPDX-License-Identifier: MIT
# A random load with snapshots taken, dropped, renamed and brought back, against a model.
# CANISTERFS_LIVE_ROUNDS: how many rounds; CANISTERFS_TEST_SEED: another load.
. "${0%/*}/../../mount/lib.sh"

cleanup_fn unmount -l "$T/mnt" 2>/dev/null
"$STRESS" "$CANISTERFS" "$T" clean "${CANISTERFS_LIVE_ROUNDS:-4}" "${CANISTERFS_TEST_SEED:-1}"
