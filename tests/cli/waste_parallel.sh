#!/bin/bash
# SPDX-License-Identifier: MIT
# waste under GNU parallel, as docs/fleet.md shows it: two workers, one sum.
. "$(dirname "$0")/lib.sh"

[[ $(parallel --version 2>/dev/null) == "GNU parallel"* ]] || skip "GNU parallel is not installed"
mkdir fleet home
export HOME=$work/home
python3 "$here/make_fleet.py" fleet 500 3 >want.json
run 0 waste --json --summary fleet
cp out whole

parallel --will-cite --jobs 2 "$program" waste --json ::: fleet/*/ >lines 2>log || fail "$(cat log)"
run 0 waste --merge --json --summary lines
# Paths end otherwise, so that of the worst only the numbers are the same.
jq -c '.summary | del(.worst[].path)' whole >a
jq -c '.summary | del(.worst[].path)' out >b
same a b
[ "$(grep -c '"summary"' lines)" = 50 ] || fail "not 50 runs"
