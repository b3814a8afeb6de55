#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the npm packages of the archive that archive.sh has made: canisterfs, which finds the program,
# and canisterfs-linux-x64, which is the archive's content.
# usage: tools/release/npm.sh
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tools/release/chroot.sh"
dist=${DIST:-$top/build-dist}
version=$(project_version)
archive=$dist/canisterfs-$version-linux-x86_64.tar.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ -f "$archive" ] || {
    echo "$archive is not there: tools/release/archive.sh makes it" >&2
    exit 1
}
command -v npm >/dev/null || {
    echo "npm is not installed" >&2
    exit 1
}
cp -r "$top/tools/release/npm/." "$work"
sed -i "s/\"0\.0\.0\"/\"$version\"/" "$work"/*/package.json
tar -C "$work/canisterfs-linux-x64" --strip-components=1 -xf "$archive"
cp "$top/LICENSE" "$work/canisterfs/"
cp "$top/LICENSE" "$work/canisterfs-linux-x64/"
for package in canisterfs canisterfs-linux-x64; do
    (cd "$dist" && npm pack --silent "$work/$package")
    stat -c '%n, %s bytes' "$dist/$package-$version.tgz"
done
