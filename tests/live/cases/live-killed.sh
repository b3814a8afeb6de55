#!/bin/bash
# SPDX-License-Identifier: MIT
# The same load, its daemon killed at random moments.
. "${0%/*}/../../mount/lib.sh"

cleanup_fn unmount -l "$T/mnt" 2>/dev/null
"$STRESS" "$CANISTERFS" "$T" kill "${CANISTERFS_LIVE_ROUNDS:-12}" "${CANISTERFS_TEST_SEED:-1}"
