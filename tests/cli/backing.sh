#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever a qcow2 file names as its backing file is opened only if the file's maker could have
# opened it, by every verb that opens images, and the refusal names the file.
. "$(dirname "$0")/lib.sh"
command -v qemu-img >/dev/null || skip "there is no qemu-img"

golden f_btree_unbounded
mkdir -p shop/below elsewhere
mv f_btree_unbounded.img shop/base.img
cp shop/base.img shop/below/base.img
cp shop/base.img elsewhere/base.img
truncate -s 131072 elsewhere/pages
head -c 1000 /dev/urandom >shop/secret
mkfifo shop/fifo
ln -s ../elsewhere/base.img shop/link
ln -s base.img shop/link_within
ln -s ../elsewhere shop/dir_link

# based_on NAME [FORMAT]: shop/over.qcow2 with that backing file.
based_on() {
    rm -f shop/over.qcow2
    qemu-img create -q -f qcow2 -u -F "${2:-raw}" -b "$1" shop/over.qcow2 2M
}

# The verbs, each with words that make it open shop/over.qcow2.
verbs=(
    "info FILE" "map FILE" "check FILE" "cat FILE 2" "find --text a FILE" "advise FILE"
    "compare FILE elsewhere/base.img" "compare elsewhere/base.img FILE" "dump FILE 2"
    "diff --records --names names.toml FILE elsewhere/base.img"
    "extract FILE 2 out.raw" "adopt -m 1 -b 2 FILE out.img" "checkpoint FILE out.qcow2"
    "restore FILE out.img" "verify FILE" "mount -o ro FILE mnt"
    "mount -o ephemeral FILE mnt" "mount -o overlay=out.over FILE mnt" "run FILE true"
    "schema FILE" "waste FILE" "report -o - FILE"
)
mkdir mnt
printf '2 = { name = "a" }\n' >names.toml

# stopped TEXT: no verb opens what shop/over.qcow2 is based on.
stopped() {
    local words got
    for words in "${verbs[@]}"; do
        words=${words/FILE/shop/over.qcow2}
        [ "${words%% *}" != schema ] || words+=" --names names.toml"
        [ "${words%% *}" != mount ] && [ "${words%% *}" != run ] || [ -w /dev/fuse ] || continue
        "$program" --complete "${words%% *}" -- | grep -q . || continue
        got=0
        timeout 60 "$program" $words </dev/null >out 2>err || got=$?
        [ "$got" != 0 ] && [ "$got" != 124 ] || [ "${words%% *}" = waste ] || fail "$words: exited $got"
        [ "$(wc -l <err)" -le 2 ] || fail "$words: $(cat err)"
        cat out err | grep -Fq -- "$1" || fail "$words: said '$(cat out err)', not '$1'"
        ! compgen -G 'out.*' >/dev/null || fail "$words: made $(ls)"
        is_mounted=$(grep -c " $PWD/mnt " /proc/self/mountinfo) || true
        [ "$is_mounted" = 0 ] || fail "$words: mounted"
    done
    return 0
}

opened() {
    run 0 compare shop/over.qcow2 shop/base.img "$@"
}

based_on base.img
opened
based_on ./below/base.img
opened
based_on link_within
opened
based_on "$PWD/shop/base.img"
stopped "$PWD/shop/base.img lies outside of the directory"
opened --trust-backing
based_on ../elsewhere/base.img
stopped "$PWD/elsewhere/base.img lies outside of the directory"
opened --trust-backing
based_on link
stopped "$PWD/elsewhere/base.img lies outside of the directory"
based_on dir_link/base.img
stopped "$PWD/elsewhere/base.img lies outside of the directory"
based_on below/../../elsewhere/pages
stopped "$PWD/elsewhere/pages lies outside of the directory"
based_on secret
stopped "$PWD/shop/secret is no image"
based_on fifo
stopped "$PWD/shop/fifo is no plain file"
based_on below
stopped "$PWD/shop/below is no plain file"
based_on /dev/zero
stopped "/dev/zero lies outside of the directory"
if [ "$(id -u)" = 0 ]; then
    mknod shop/device c 1 5
    based_on device
    stopped "$PWD/shop/device is no plain file"
    chown 65534 shop/base.img
    based_on base.img
    stopped "$PWD/shop/base.img belongs to user 65534, and the file that names it to user 0"
    opened --trust-backing
    chown 65534 shop/over.qcow2
    opened
    chown 0 shop/base.img
    stopped "$PWD/shop/base.img belongs to user 0, and the file that names it to user 65534"
fi

# A whole chain: the second name is as foreign as the first.
rm -f shop/middle.qcow2
qemu-img create -q -f qcow2 -u -F raw -b ../elsewhere/base.img shop/middle.qcow2 2M
based_on middle.qcow2 qcow2
stopped "$PWD/elsewhere/base.img lies outside of the directory"

# A delta's base is known by its content, and may lie anywhere but at an absolute name.
run 0 checkpoint shop/base.img elsewhere/base.qcow2
run 0 checkpoint --base elsewhere/base.qcow2 shop/base.img shop/delta.qcow2
run 0 verify shop/delta.qcow2
run 0 checkpoint --force shop/below/base.img elsewhere/base.qcow2
run 0 verify shop/delta.qcow2
cp elsewhere/pages shop/pages
run 0 checkpoint --force shop/pages elsewhere/base.qcow2
run 4 verify shop/delta.qcow2
