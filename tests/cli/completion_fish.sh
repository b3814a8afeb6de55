#!/bin/bash
# SPDX-License-Identifier: MIT
# fish completes verbs, options, files and the ids that an image holds, and says what they mean.
. "$(dirname "$0")/lib.sh"

command -v fish >/dev/null || skip "there is no fish"
golden l_sqlite
mkdir folder home bin
ln -s "$program" bin/canisterfs
PATH=$work/bin:$PATH

# completes CANDIDATES LINE: all of them, sorted, one blank between them.
completes() {
    HOME=$work/home fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' \
        "$here/../../tools/completion/canisterfs.fish" "$2" >out 2>err || fail "$2: $(cat err)"
    local got
    got=$(cut -f 1 out | sort | tr '\n' ' ')
    [ "${got% }" = "$1" ] || fail "$2: got '$got', not '$1'"
}

completes "--version" "canisterfs --v"
completes "--bucket-pages" "canisterfs create --bu"
completes "l_sqlite.img" "canisterfs cat l_"
completes "0 3" "canisterfs cat l_sqlite.img "
completes "3" "canisterfs cat --offset 4 l_sqlite.img 3"
completes "folder/" "canisterfs umount f"
completes "" "canisterfs create --bucket-pages "
completes "umount" "canisterfs help umo"
grep -qP '^umount\tend a mount' out || fail "no meaning: $(cat out)"
