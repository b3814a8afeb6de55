#!/bin/bash
# SPDX-License-Identifier: MIT
# zsh completes verbs, options, files and the ids that an image holds, and says what they mean.
. "$(dirname "$0")/lib.sh"

command -v zsh >/dev/null || skip "there is no zsh"
golden l_sqlite
mkdir folder bin
ln -s "$program" bin/canisterfs
export PATH=$work/bin:$PATH

# A zsh that is typed into. What the completion hands to the line editor goes to the file out, one
# candidate a line; then the key ^X m makes the file mark.
cat >type.zsh <<'END'
zmodload zsh/zpty
zpty -b shell zsh -f -i
wait_for() { until [[ -e $1 ]]; do zpty -r -t shell line || sleep 0.05; done }
zpty -w shell "PROMPT=; autoload -Uz compinit; fpath=($1 \$fpath); compinit -u -D"
zpty -w shell 'compadd() { local -a all; builtin compadd -O all "$@"; print -rl -- $all >>out; builtin compadd "$@" }'
zpty -w shell 'mark() { : >mark }; zle -N mark; bindkey "^Xm" mark'
zpty -w shell 'zle-line-init() { : >ready }; zle -N zle-line-init'
wait_for ready
zpty -n -w shell "$2"$'\t\x18m'
wait_for mark
END

# completes CANDIDATES LINE: all of them, sorted, one blank between them.
completes() {
    rm -f out mark ready
    touch out
    zsh -f type.zsh "$here/../../tools/completion" "$2"
    local got
    got=$(sort -u out | tr '\n' ' ')
    [ "${got% }" = "$1" ] || fail "$2: got '$got', not '$1'"
}

completes "--version" "canisterfs --v"
completes "--bucket-pages" "canisterfs create --bu"
completes "l_sqlite.img" "canisterfs cat l_"
completes "0 3" "canisterfs cat l_sqlite.img "
completes "3" "canisterfs cat --offset 4 l_sqlite.img 3"
completes "folder" "canisterfs umount f"
completes "umount" "canisterfs help umo"
