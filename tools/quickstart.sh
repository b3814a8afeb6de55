#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds canisterfs, and shows what it does.
# usage: tools/quickstart.sh             on an image that holds a database, which is thrown away
#        tools/quickstart.sh IMAGE MNT   mounts your image at MNT and leaves it there
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/packages.sh"
PATH=$top/build:$PATH

say() {
    printf '\n%s\n' "$*"
}

# Shows a command, then runs it.
show() {
    printf '  $ %s\n' "$*"
    "$@" | sed 's/^/    /'
}

usage() {
    sed -n 's/^# \(usage:\)/\1/p; s/^#  \( *tools\)/ \1/p' "$0" >&2
    exit 2
}

prepare() {
    say "Installing and building (the first time takes a minute or two)"
    install_packages build
    (cd "$top" && build_in build --buildtype=release)
    [ -e /dev/fuse ] || modprobe fuse 2>/dev/null || true
    if [ ! -e /dev/fuse ]; then
        echo "There is no /dev/fuse here, so nothing can be mounted. In a container, start it with" >&2
        echo "--device /dev/fuse --cap-add SYS_ADMIN." >&2
        exit 1
    fi
}

mount_yours() {
    local image=$1 mnt=$2
    mkdir -p "$mnt"
    prepare
    say "What the image is:"
    show canisterfs info "$image"
    say "Mounting it at $mnt:"
    show canisterfs mount "$image" "$mnt"
    show ls -l "$mnt"
    say "Each file is one virtual memory, by its id: read, write, grow or cut it with any tool."
    echo "When you are done, this returns as soon as all is on disk:"
    echo "  $top/build/canisterfs umount $mnt"
}

sqlite() {
    printf '  $ sqlite3 %s "%s"\n' "$1" "$2"
    sqlite3 "$1" "$2" | sed 's/^/    /'
}

clean_up() {
    ! mountpoint -q "$work/mnt" || canisterfs umount "$work/mnt"
    rm -rf "$work"
}

try_example() {
    prepare
    work=$(mktemp -d)
    trap clean_up EXIT
    cd "$work"
    mkdir mnt
    gzip -dc "$top/tests/data/l_sqlite.img.gz" >canister.img

    say "1. An image of a canister's stable memory, as the canister's own library wrote it:"
    show canisterfs info canister.img
    say "2. Mounted, each of its virtual memories is a file:"
    show canisterfs mount canister.img mnt
    show ls -l mnt
    say "3. Memory 3 holds a SQLite database. It can be read and written where it is:"
    sqlite mnt/3 "select count(*) from kv"
    sqlite mnt/3 "create table greeting (text); insert into greeting values ('hello from a file')"
    say "4. Unmounting returns when all is on disk; then the image is whole:"
    show canisterfs umount mnt
    show canisterfs check canister.img
    say "5. Mounted again, the edit is there:"
    show canisterfs mount canister.img mnt
    sqlite mnt/3 "select text from greeting"
    [ "$(sqlite3 mnt/3 "select text from greeting")" = "hello from a file" ]
    [ "$(sqlite3 mnt/3 "pragma integrity_check")" = ok ]
    show canisterfs umount mnt

    say "What happened: a database inside a canister's memory was edited with a tool that knows"
    echo "nothing of canisters, and the image is one that the canister's library reads as its own."
    echo "The image was a copy; it is gone now. With one of yours: tools/quickstart.sh IMAGE MNT"
    echo "The program is $top/build/canisterfs: try its 'map', and 'help'."
}

case $# in
0) try_example ;;
2) mount_yours "$1" "$2" ;;
*) usage ;;
esac
