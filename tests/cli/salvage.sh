#!/bin/bash
# SPDX-License-Identifier: MIT
# dump --salvage gets every record out of a damaged map whose node was not hit, once; check --repair
# --rebuild makes a sound map of them, with a way back. A reader in Python is the other opinion.
. "$(dirname "$0")/lib.sh"
requires python3
choose_seed

golden e_btree_u64 h_structs

# Of a sound map all is there, and nothing is to be rebuilt.
run 0 dump --salvage -k u64be -v u64be e_btree_u64.img 0
sort out >salvaged
run 0 dump -k u64be -v u64be e_btree_u64.img 0
sort out >dumped
same salvaged dumped
run 1 dump --salvage h_structs.img 0
grep -q "salvage is for maps and sets" err || fail "said: $(cat err)"
run 16 check --rebuild 0 e_btree_u64.img
run 0 check --repair --rebuild 0 e_btree_u64.img
grep -q "sound" out err || fail "said: $(cat out err)"

# A root that leads nowhere costs nothing.
cp e_btree_u64.img a.img
run 0 cat a.img 0
python3 - out >memory <<'EOF'
import sys
raw = bytearray(open(sys.argv[1], "rb").read())
raw[12:20] = b"\xff" * 8
sys.stdout.buffer.write(raw)
EOF
run 0 put a.img 0 memory
run 1 dump -k u64be -v u64be a.img 0
run 0 dump --salvage -k u64be -v u64be a.img 0
sort out >salvaged
same salvaged dumped
run 8 check --repair --rebuild 0 a.img
grep -q "nobody tells the order" err || fail "said: $(cat err)"

python3 "$here/salvage.py" "$program" "$seed" "$(rounds 12)"
