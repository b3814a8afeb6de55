#!/bin/bash
# SPDX-License-Identifier: MIT
# Every verb has a man page that knows its options, and none that it has not; the pages are sound.
. "$(dirname "$0")/lib.sh"

man=$here/../../docs/man
verbs=$("$program" --complete '' | grep -vx -e help -e '-.*')
# A build without the mount says nothing of its page.
for verb in $verbs; do
    page=$man/canisterfs-$verb.1
    [ -f "$page" ] || fail "there is no $page"
    "$program" --complete "$verb" -- | sed "/^--help$/d" | sort >have
    sed -n 's/^\.It .*Fl -\([a-z-]*\).*/--\1/p' "$page" | sort -u >told
    # What is explained once for many verbs need not be again.
    comm -23 have told | grep -vx -e --base-page -e --names -e --trust-backing -e --allow-exec >missing || true
    [ ! -s missing ] || fail "$page lacks $(tr '\n' ' ' <missing)"
    comm -13 have told >extra
    [ ! -s extra ] || fail "$page tells of $(tr '\n' ' ' <extra)"
    summary=$("$program" help | sed -n "s/^  $verb  *//p")
    [ -n "$summary" ] || fail "no summary of $verb"
    grep -q "^\.Xr canisterfs 1" "$page" || fail "$page does not lead back to canisterfs(1)"
    grep -q "canisterfs-$verb 1" "$man/canisterfs.1" || fail "canisterfs.1 does not name $verb"
done

for page in "$man"/*.1; do
    # Not the page, but this machine, lacks a manual.
    mandoc -T lint "$page" 2>/dev/null | grep -v 'referenced manual not found' >lint || true
    [ ! -s lint ] || fail "$(cat lint)"
done
