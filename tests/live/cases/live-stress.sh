#!/bin/bash
# SPDX-License-Identifier: MIT
# A random load with snapshots taken, dropped, renamed and brought back, against a model.
. "${0%/*}/../../mount/lib.sh"

choose_seed
cleanup_fn unmount -l "$T/mnt" 2>/dev/null
"$STRESS" "$CANISTERFS" "$T" clean "$(rounds 4)" "$seed"
