#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes a Debian package of the last commit for Debian 12 and for Debian 13, each in a fresh system of
# that release, and holds it against lintian. A package fits the release that it was built on: the
# sonames of libfuse and libcbor differ between the two.
# usage: tools/release/deb.sh [12|13]...
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tools/release/chroot.sh"
dist=${DIST:-$top/build-dist}
version=$(project_version)

# The source as dpkg wants it: the upstream archive, and beside it the tree with debian/. Its changelog
# tells the release, so that a system that goes from one to the next takes the next one's package.
lay_out_source() {
    local build=$1/build release=$2 changelog date
    mkdir -p "$build/canisterfs"
    git -C "$top" archive --prefix="canisterfs-$version/" HEAD -- . ':!debian' |
        gzip -9n >"$build/canisterfs_$version.orig.tar.gz"
    git -C "$top" archive HEAD | tar -C "$build/canisterfs" -xf -
    changelog=$build/canisterfs/debian/changelog
    date=$(git -C "$top" log -1 --format=%cD)
    sed "1s/-1) [a-z]*;/-1~deb$release+1) $(suite_of "$release");/; s/^  \\* .*/  * Build for Debian $release./; s/  [A-Z].*/  $date/" \
        "$changelog" | sed '/^ -- /q' >"$changelog.new"
    echo >>"$changelog.new"
    cat "$changelog" >>"$changelog.new"
    mv "$changelog.new" "$changelog"
}

build_package() {
    local release=$1 root
    root=$(new_chroot "$release" "deb$release")
    install_in "$root" build-essential dpkg-dev lintian
    lay_out_source "$root" "$release"
    in_chroot "$root" sh -ec 'cd /build/canisterfs && apt-get build-dep -y -qq ./ >/dev/null &&
        dpkg-buildpackage -us -uc >../log 2>&1' || {
        tail -n 40 "$root/build/log" >&2
        return 1
    }
    # A lintian does not know a policy that is newer than its release.
    in_chroot "$root" sh -ec 'cd /build && lintian --allow-root --fail-on error,warning,info,pedantic \
        --display-info --pedantic --suppress-tags newer-standards-version canisterfs_*.changes'
    mkdir -p "$dist/debian$release"
    rm -f "$dist/debian$release"/*
    mv "$root"/build/*canisterfs*_* "$dist/debian$release/"
    drop_chroot "$root"
    echo "Debian $release: $(cd "$dist/debian$release" && stat -c '%n, %s bytes' canisterfs_*.deb); lintian has nothing to say"
}

install_packages release
[ $# -gt 0 ] || set -- 12 13
for release; do
    build_package "$release"
done
