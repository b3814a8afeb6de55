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

refuse() {
    printf 'quickstart: %s\n' "$*" >&2
    exit 1
}

# What can be told of IMAGE without the program, so that nothing is installed in vain.
check_image() {
    local image=$1 magic
    [ -e "$image" ] || refuse "$image: there is no such file"
    [ -r "$image" ] || refuse "$image: you may not read it"
    if [ -d "$image" ]; then
        [ -f "$image/metadata.json" ] || refuse "$image: a directory, but not one that a canister snapshot was downloaded to"
        return
    fi
    [ -w "$image" ] || refuse "$image: you may not write to it, so that it cannot be mounted to be changed"
    [ -s "$image" ] || [ -b "$image" ] || refuse "$image: an empty file"
    magic=$(head -c 4 "$image" | od -An -tx1 | tr -d ' \n')
    case $magic in
    4d475201 | 514649fb) ;; # MGR and its version, or a checkpoint
    1f8b*) refuse "$image: packed by gzip; unpack it first: gzip -dk $image" ;;
    *) refuse "$image: begins with the bytes $magic and not, as an image that a MemoryManager divides, with 4d475201" ;;
    esac
}

check_mountpoint() {
    [ ! -e "$1" ] || [ -d "$1" ] || refuse "$1: not a directory to mount at"
    ! mountpoint -q "$1" || refuse "$1: something is mounted there already"
}

check_fuse() {
    [ -e /dev/fuse ] || modprobe fuse 2>/dev/null || true
    [ -e /dev/fuse ] || refuse "there is no /dev/fuse here, so that nothing can be mounted. In a container, start it with" \
        "--device /dev/fuse --cap-add SYS_ADMIN."
}

prepare() {
    check_fuse
    say "Installing what is missing to build it:"
    install_packages build
    echo "  nothing else is missing"
    say "Building the program, $top/build/canisterfs:"
    (cd "$top" && build_program build)
}

mount_yours() {
    local image=$1 mnt=$2
    check_image "$image"
    check_mountpoint "$mnt"
    say "This builds canisterfs and mounts $image at $mnt. The image is changed in place when you write there:"
    echo "keep a copy of what you cannot download again."
    prepare
    mkdir -p "$mnt"
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
    say "This builds canisterfs, and edits a database inside an image before your eyes."
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
