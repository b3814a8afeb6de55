#!/bin/bash
# SPDX-License-Identifier: MIT
# The same load, its daemon killed at random moments.
. "${0%/*}/../../mount/lib.sh"

choose_seed
cleanup_fn unmount -l "$T/mnt" 2>/dev/null
"$STRESS" "$CANISTERFS" "$T" kill "$(rounds 12)" "$seed"
