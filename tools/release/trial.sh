#!/bin/sh
# SPDX-License-Identifier: MIT
# What a new user does first with an installed canisterfs, on an image that the canister library wrote:
# look, mount, change, check, try a change, pack. Needs nothing but a shell and the program.
# usage: trial.sh IMAGE.gz COMMAND...     COMMAND is how the program is called: canisterfs
set -eu

image=$1
shift
work=$(mktemp -d)
clean_up() {
    ! grep -q " $work/mnt " /proc/self/mounts || (cd / && "$@" umount "$work/mnt")
    rm -rf "$work"
}
trap 'clean_up "$@"' EXIT

fail() {
    echo "trial: $*" >&2
    exit 1
}

gzip -dc "$image" >"$work/canister.img"
"$@" info "$work/canister.img" | grep -q ': managed$' || fail "info does not know the image"
mkdir "$work/mnt"
"$@" mount "$work/canister.img" "$work/mnt"
echo "hello from a file" >"$work/mnt/9"
grep -q hello "$work/mnt/9" || fail "what was written cannot be read"
mkdir "$work/mnt/.snap/before"
ls "$work/mnt/.canister/records/" >/dev/null
"$@" umount "$work/mnt"
"$@" check "$work/canister.img"
"$@" cat "$work/canister.img" 9 | head -c 5 | grep -q hello || fail "memory 9 is not in the image"
"$@" snapshot list "$work/canister.img" | grep -q before || fail "the snapshot is gone"
"$@" run "$work/canister.img" --twice --check 'grep -q bye "$MNT/9"' -- sh -c 'echo bye >"$MNT/9"' |
    grep -q '^passed$' || fail "a migration that should pass does not"
! "$@" run "$work/canister.img" --check false -- true >/dev/null || fail "a failed check passes"
"$@" checkpoint "$work/canister.img" "$work/canister.qcow2" 2>/dev/null
"$@" verify "$work/canister.qcow2"
"$@" compare "$work/canister.img" "$work/canister.qcow2"
echo "trial: all is well"
