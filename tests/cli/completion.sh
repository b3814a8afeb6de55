#!/bin/bash
# SPDX-License-Identifier: MIT
# bash completes verbs, options, files and the ids that an image holds.
. "$(dirname "$0")/lib.sh"

golden l_sqlite
touch 'with blank'
mkdir folder
COMP_WORDS=()
. "$here/../../tools/completion/canisterfs.bash"

# completes LAST-WORD-AND-ITS-CANDIDATES WORD...: sorted, one blank between them.
completes() {
    local want=$1
    shift
    COMP_WORDS=("$program" "$@")
    COMP_CWORD=$#
    _canisterfs
    local got
    got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')
    [ "${got% }" = "$want" ] || fail "$*: got '$got', not '$want'"
}

completes "cat" ca
completes "--version" --v
completes "--bucket-pages" create --bu
completes "l_sqlite.img" cat l_
completes "0 3" cat l_sqlite.img ''
completes "3" cat --offset 4 l_sqlite.img 3
completes "folder" umount ''
completes "folder l_sqlite.img with blank" info ''
completes "" create --bucket-pages ''
completes "" cat nowhere.img ''
completes "folder l_sqlite.img with blank" nosuch ''
completes "umount" help umo
