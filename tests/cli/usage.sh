#!/bin/bash
# SPDX-License-Identifier: MIT
# What holds for every verb: help, and bad command lines, are as people and scripts expect them.
. "$(dirname "$0")/lib.sh"

run 2
grep -q '^usage: canisterfs VERB' err || fail "without words: $(cat err)"
run 0 help
cp out overview
run 0 --help
same out overview
# By what one wants to do; each verb under one heading, and no heading without a verb.
[ "$(sed -n 's/^\([A-Z][a-z ]*\):$/\1/p' overview | paste -sd ,)" = \
    "Look,Change,Keep,Try,Make smaller,Fleets,This program" ] || fail "headings: $(cat overview)"
! grep -A 1 '^[A-Z][a-z ]*:$' overview | grep -v -e '^[A-Z][a-z ]*:$' -e '^--$' | grep -v '^  [a-z]' ||
    fail "a heading without a verb: $(cat overview)"
run 0 --version
grep -Eqx 'canisterfs [0-9]+\.[0-9]+\.[0-9]+' out || fail "$(cat out)"
run 0 version --json
json .schema 1
refused 2 "nosuch: there is no such verb: 'canisterfs help' lists them" help nosuch
run 2 nosuch
grep -q "^canisterfs: nosuch: there is no such verb" err || fail "$(cat err)"
got=0
"$program" help >/dev/full 2>err || got=$?
[ "$got" = 1 ] || fail "help that nobody got: exit status $got"
err_is "canisterfs: standard output: the answer could not be written: No space left on device"

verbs=$("$program" --complete '' | grep -vx -e help -e '-.*')
[ "$(wc -w <<<"$verbs")" -ge 8 ] || fail "verbs: $verbs"
for verb in $verbs; do
    # The exit status of a bad command line.
    case $verb in
    check | verify) usage=16 ;;
    mount) usage=1 ;;
    *) usage=2 ;;
    esac
    grep -q "^  $verb  " overview || fail "the overview lacks $verb"
    run 0 "$verb" --help
    cp out help
    run 0 help "$verb"
    same out help
    grep -q "^usage: canisterfs $verb" help || fail "help of $verb: $(head -n 1 help)"
    awk 'length > 79 { exit 1 }' help || fail "help of $verb has long lines"
    refused "$usage" "$verb: '--no-such-option' is no option here, or not a clear one (see 'canisterfs $verb --help')" \
        "$verb" --no-such-option
    refused "$usage" "$verb: there is no option -% (see 'canisterfs $verb --help')" "$verb" -%

    # Help, completion and the parser know the same options.
    sed -n 's/^  \(-., \|    \)\(--[a-z-]*\).*/\2/p' help | sort >from_help
    "$program" --complete "$verb" -- | sort >from_completion
    same from_help from_completion
    while read -r option; do
        case $(grep -c -- "^  \(-., \|    \)$option [A-Z]" help) in
        0) refused "$usage" "$verb: $option takes no argument (see 'canisterfs $verb --help')" "$verb" "$option=x" ;;
        *) refused "$usage" "$verb: option $option needs an argument (see 'canisterfs $verb --help')" "$verb" "$option" ;;
        esac
    done < <(grep -vx -- --help from_help)
done

# An error is one line, whatever a name holds.
refused 1 'a\x0ab\x1b[31m: cannot open: No such file or directory' info $'a\nb\033[31m'
run 1 info --json $'\377'
