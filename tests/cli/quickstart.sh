#!/bin/bash
# SPDX-License-Identifier: MIT
# quickstart looks at IMAGE and MNT before it installs or builds anything, and says what is wrong.
. "$(dirname "$0")/lib.sh"

quickstart=$here/../../tools/quickstart.sh
golden l_sqlite
# What installs or builds leaves a mark.
mkdir bin
for tool in apt-get dpkg-query meson ninja sudo; do
    printf '#!/bin/sh\n: >"%s/touched"\nexit 1\n' "$work" >"bin/$tool"
    chmod +x "bin/$tool"
done

# refuses WHY IMAGE MNT
refuses() {
    local got=0
    PATH=$work/bin:$PATH "$quickstart" "$2" "$3" >out 2>err || got=$?
    [ "$got" = 1 ] || fail "$2 $3: exited $got: $(cat out err)"
    err_is "quickstart: $1"
    [ ! -e touched ] || fail "$2 $3: something was installed or built first"
}

: >empty
printf 'raw bytes' >raw
mkdir folder
refuses "nowhere: there is no such file" nowhere mnt
refuses "empty: an empty file" empty mnt
refuses "raw: begins with the bytes 72617720 and not, as an image that a MemoryManager divides, with 4d475201" raw mnt
refuses "folder: a directory, but not one that a canister snapshot was downloaded to" folder mnt
refuses "$data/l_sqlite.img.gz: packed by gzip; unpack it first: gzip -dk $data/l_sqlite.img.gz" "$data/l_sqlite.img.gz" mnt
refuses "raw: not a directory to mount at" l_sqlite.img raw
refuses "/proc: something is mounted there already" l_sqlite.img /proc
[ ! -e mnt ] || fail "a directory was made for a mount that was refused"

# A good image gets as far as the tools.
if [ -e /dev/fuse ]; then
    PATH=$work/bin:$PATH "$quickstart" l_sqlite.img mnt >out 2>err || true
    [ -e touched ] || fail "a good image was refused: $(cat err)"
fi
