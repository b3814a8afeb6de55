#!/bin/bash
# SPDX-License-Identifier: MIT
# A new user's ways to canisterfs, each in a fresh system of Debian 12 and of Debian 13: from a clone by
# quickstart.sh, from a package, from the archive with nothing but fuse3, and from npm without a network.
# What is tried is made first by archive.sh, deb.sh and npm.sh where it is not there.
# usage: [RELEASES='12 13'] tools/release/try.sh [clone|deb|archive|npm]...
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tools/release/chroot.sh"
dist=${DIST:-$top/build-dist}
version=$(project_version)
name=canisterfs-$version-linux-x86_64
image=/src/tests/data/l_sqlite.img.gz

# size_in DIR: MiB that a system takes, without what apt has fetched.
size_in() {
    du -sxm --exclude="$1/var/cache/apt" --exclude="$1/var/lib/apt" "$1" | cut -f 1
}

# trial_in DIR COMMAND...: as root and, where the system lets everybody mount, as a normal user.
trial_in() {
    local root=$1
    shift
    in_chroot "$root" sh /src/tools/release/trial.sh "$image" "$@"
    in_chroot "$root" sh -ec 'id tester >/dev/null 2>&1 || useradd -m tester
        exec setpriv --reuid tester --regid tester --clear-groups env HOME=/home/tester "$@"' as_tester \
        sh /src/tools/release/trial.sh "$image" "$@"
}

try_clone() {
    local root=$1
    in_chroot "$root" bash -c 'cd /src && tools/quickstart.sh'
    trial_in "$root" /src/build/canisterfs
    in_chroot "$root" bash -ec 'mkdir /home/tester/mine && cd /home/tester/mine &&
        gzip -dc /src/tests/data/l_sqlite.img.gz >mine.img && chown -R tester: /home/tester /src
        exec setpriv --reuid tester --regid tester --clear-groups env HOME=/home/tester \
            sh -ec "/src/tools/quickstart.sh mine.img mnt; ls mnt/3; /src/build/canisterfs umount mnt"'
}

try_deb() {
    local root=$1 release=$2 deb
    deb=$(ls "$dist/debian$release"/canisterfs_*.deb)
    cp "$deb" "$root/canisterfs.deb"
    install_in "$root" /canisterfs.deb
    trial_in "$root" canisterfs
    with_mounts "$root" autopkgtest --quiet "$deb" "$top" -- chroot "$root"
    in_chroot "$root" sh -ec 'dpkg --purge canisterfs >/dev/null; ! command -v canisterfs'
}

try_archive() {
    local root=$1
    install_in "$root" fuse3
    tar -C "$root/opt" -xf "$dist/$name.tar.gz"
    trial_in "$root" "/opt/$name/bin/canisterfs"
}

try_npm() {
    local root=$1
    install_in "$root" fuse3 npm
    cp "$dist/canisterfs-$version.tgz" "$dist/canisterfs-linux-x64-$version.tgz" "$root/root/"
    OFFLINE=1 in_chroot "$root" sh -ec "mkdir /project && cd /project && npm init -y >/dev/null &&
        npm install --offline --silent /root/canisterfs-*.tgz
        exec sh /src/tools/release/trial.sh $image npx canisterfs"
}

make_missing() {
    local release
    case $1 in
    deb)
        for release in $releases; do
            [ -d "$dist/debian$release" ] || "$top/tools/release/deb.sh" "$release"
        done
        ;;
    archive) [ -f "$dist/$name.tar.gz" ] || "$top/tools/release/archive.sh" ;;
    npm)
        make_missing archive
        [ -f "$dist/canisterfs-$version.tgz" ] || "$top/tools/release/npm.sh"
        ;;
    esac
}

releases=${RELEASES:-12 13}
install_packages release
[ $# -gt 0 ] || set -- clone deb archive npm
for way; do
    make_missing "$way"
    for release in $releases; do
        echo "== Debian $release, $way"
        root=$(new_chroot "$release" "try-$way")
        mkdir "$root/src"
        git -C "$top" archive HEAD | tar -C "$root/src" -xf -
        before=$(size_in "$root")
        SECONDS=0
        "try_$way" "$root" "$release"
        echo "== Debian $release, $way: works; $SECONDS s, $(($(size_in "$root") - before)) MiB more on the disk"
        drop_chroot "$root"
    done
done
