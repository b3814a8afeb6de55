#!/bin/bash
# SPDX-License-Identifier: MIT
# Small maps of every type of key: dump, load, check, diff and info are right about them, or refuse.
# CANISTERFS_TEST_ROUNDS=1000: a thousand maps at random more; the seed is printed.
. "$(dirname "$0")/lib.sh"

printf '3 = { name = "map" }\n' >n.toml
"$program" schema --names n.toml /dev/null >out 2>err || true
! grep -q 'built without TOML' err || skip "no TOML"
seed=${CANISTERFS_TEST_SEED:-$RANDOM$RANDOM}
echo "seed $seed"
python3 "$here/key_types.py" "$program" 0 "$seed"
[ -z "${CANISTERFS_TEST_ROUNDS:-}" ] || python3 "$here/key_types.py" "$program" "$CANISTERFS_TEST_ROUNDS" "$seed"
