#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever a verb makes from an image is open to nobody, in group or others, to whom the image is
# closed, whatever the umask, and also where it replaces a file that was open to more.
. "$(dirname "$0")/lib.sh"

umask 0
golden h_structs m_hole_mid

# Words that make files from the image "img"; all of them appear in this directory.
makers=(
    "checkpoint img out" "checkpoint --force img wide" "checkpoint --base base img out"
    "extract img 3 out" "extract --force img 3 wide" "adopt -m 1 -b 2 -l 65536 data out"
    "rebucket -b 2 img out" "rebucket -b 2 --force img wide" "compact img" "compact img out"
    "compact --save out img" "check --repair img" "snapshot create img before"
    "restore ckpt out" "restore --force ckpt wide" "waste --html out img" "report -o out img" "report --force -o wide img"
)
[ ! -w /dev/fuse ] || ! "$program" help | grep -q '^  mount' || makers+=("run --keep out img true")

# closed MODE GID [GID OF WHAT IS MADE]: nothing that is made has a bit that the image has not.
closed() {
    local mode=$1 gid=$2 words path allowed made
    for words in "${makers[@]}"; do
        rm -rf made && mkdir made
        (
            cd made
            cp ../m_hole_mid.img img
            "$program" checkpoint img ckpt >/dev/null
            "$program" checkpoint img base >/dev/null
            head -c 70000 /dev/urandom >data
            echo wide >wide
            chmod 0666 wide
            for path in img ckpt data; do
                chmod "$mode" $path
                [ "$(id -u)" != 0 ] || chgrp "$gid" $path
            done
            touch -d '-1 min' ./* && touch stamp
            "$program" $words >/dev/null 2>said </dev/null || [ "${words#check}" != "$words" ] ||
                fail "$words: $(cat said)"
            rm said
            # Where the group is another, its members are others.
            allowed=$((0$mode & 0077))
            [ "$gid" = "$(id -g)" ] || allowed=$((allowed & (07 | (allowed & 07) << 3)))
            made=0
            while read -r m path; do
                made=$((made + 1))
                [ -d "$path" ] && m=$(printf %o $((0$m & 0666)))
                [ $((0$m & 0077 & ~allowed)) = 0 ] ||
                    fail "$words: an image of $mode makes $path of $m"
            done < <(find . -mindepth 1 -newer stamp -not -name img -not -name ckpt -not -name data -printf '%m %p\n')
            [ $made -gt 0 ] || fail "$words: made nothing"
        )
    done
}

for mode in 0600 0640 0604 0666; do
    closed $mode "$(id -g)"
done
if [ "$(id -u)" = 0 ]; then
    closed 0640 65534
    closed 0644 65534
fi
