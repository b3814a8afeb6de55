#!/bin/bash
# SPDX-License-Identifier: MIT
# The pictures of README.md are those that tools/pictures.sh makes now, and stand for themselves.
. "$(dirname "$0")/lib.sh"

"$program" version --json | jq -e .names >/dev/null || skip "this build reads no names files"
[ "$(uname -m)" = x86_64 ] || skip "pictures are compared on x86_64, where they were made"
root=$here/../..
CANISTERFS=$program "$root/tools/pictures.sh" made >out
out_is "$work/made/report.svg"
for picture in made/*; do
    cmp "$picture" "$root/docs/pictures/$(basename "$picture")" || fail "run tools/pictures.sh"
    grep -q "docs/pictures/$(basename "$picture")" "$root/README.md" || fail "README.md does not show $picture"
    python3 -c 'import sys, xml.etree.ElementTree as xml; xml.parse(sys.argv[1])' "$picture"
    ! grep -q -e '<script' -e 'href' -e '@import' "$picture" || fail "$picture takes something from elsewhere"
done
[ "$(ls made)" = "$(ls "$root/docs/pictures")" ] || fail "pictures that nobody makes: $(ls "$root/docs/pictures")"
