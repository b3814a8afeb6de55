#!/bin/bash
# SPDX-License-Identifier: MIT
# map on a terminal: a picture of which no line is broader than the terminal.
. "$(dirname "$0")/lib.sh"

script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "this machine gives no terminal"
golden m_hole_mid
picture() {
    TERM=xterm-256color script -qec "stty cols $1; $2 $program map ${3:-m_hole_mid.img}" /dev/null </dev/null | tr -d '\r'
}
for width in 20 40 80 200; do
    picture "$width" "NO_COLOR=1" >shown
    [ "$(head -n 1 shown)" = "m_hole_mid.img: 12 buckets of 16 pages (1 MiB)" ] || fail "$(cat shown)"
    # Below 60 columns the legend's words may stand out; the tiles may not.
    sed -n '3,/^$/p' shown | awk -v w="$width" 'length > w { exit 1 }' || fail "broader than $width: $(cat shown)"
    ! grep -q $'\033' shown || fail "coloured in spite of NO_COLOR"
done
picture 80 "" >shown
grep -q $'\033\\[48;5;33' shown || fail "no colours: $(cat shown)"
picture 80 "" "--json m_hole_mid.img" | jq -e .schema >/dev/null || fail "--json is no JSON on a terminal"
picture 80 "" >shown
! grep -q 'x0a' shown || fail "the legend is one line: $(cat shown)"
