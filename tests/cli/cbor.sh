#!/bin/bash
# SPDX-License-Identifier: MIT
# The bytes of random CBOR come back from what dump shows of it: items as most encoders write them,
# and the same in longer heads, without counts, with keys twice.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

choose_seed
python3 "$here/cbor.py" "$seed"
