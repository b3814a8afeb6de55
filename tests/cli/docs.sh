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
    # Not the page, but this machine, lacks a manual. Examples come first: they are what most look for.
    mandoc -T lint "$page" 2>/dev/null | grep -v -e 'referenced manual not found' \
        -e 'sections out of conventional order: Sh DESCRIPTION' >lint || true
    [ ! -s lint ] || fail "$(cat lint)"
    sections=$(sed -n 's/^\.Sh //p' "$page" | paste -sd ,)
    [[ $page = */canisterfs.1 || $sections != *,EXAMPLES* || $sections = NAME,SYNOPSIS,EXAMPLES,* ]] ||
        fail "$page does not begin with its examples: $sections"
done

# canisterfs(1) knows every variable of the environment that the program reads.
variables=$(grep -rhoE --include='*.[ch]' 'getenv\("[A-Z_]+"\)' "$here"/../../{memmgr,snapshot,fusefs,tools} |
    sed 's/.*"\(.*\)".*/\1/' | sort -u)
[ "$(wc -w <<<"$variables")" -ge 4 ] || fail "variables: $variables"
for variable in $variables; do
    sed -n '/^\.Sh ENVIRONMENT/,/^\.Sh FILES/p' "$man/canisterfs.1" | grep -q "^\.It Ev $variable\b" ||
        fail "canisterfs.1 lacks the variable $variable"
done
