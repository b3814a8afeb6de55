#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes canisterfs-VERSION-linux-x86_64.tar.gz of the last commit, in a fresh Debian 12: a program that
# runs wherever there are glibc 2.36 and, for the mount, fusermount3. Libraries are linked into it; those
# that Debian has no static form of lie beside it, where the program looks for them first.
# usage: tools/release/archive.sh [--twice]     --twice: builds it again, which must give the same bytes
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tools/release/chroot.sh"
dist=${DIST:-$top/build-dist}
version=$(project_version)
name=canisterfs-$version-linux-x86_64

# In the chroot, as a file there: builds /src into /out/$name.
write_recipe() {
    cat >"$1/recipe" <<'END'
set -eu
name=$1 epoch=$2 root=/out/$1
export SOURCE_DATE_EPOCH=$epoch
beside='-Wl,-rpath,$ORIGIN/../lib/canisterfs'
cd /src
meson setup build --prefix=/ --libdir=lib --buildtype=release -Dprefer_static=true -Dtests=disabled \
    "-Dc_link_args=$beside" "-Dcpp_link_args=$beside -static-libstdc++ -static-libgcc" >/dev/null
ninja -C build canisterfs >/dev/null
DESTDIR=$root meson install -C build --no-rebuild --quiet --strip
mkdir -p "$root/lib/canisterfs" "$root/share/doc/canisterfs/licences"
# All that is neither libc's nor linked in.
ldd "$root/bin/canisterfs" | sed -n 's/^\t\(lib[^ ]*\) => \(.*\) (.*/\1 \2/p' |
    grep -vE '^lib(c|m|dl|rt|pthread)\.so' | while read -r soname path; do
    cp -L "$path" "$root/lib/canisterfs/$soname"
    strip --strip-unneeded "$root/lib/canisterfs/$soname"
done
cp LICENSE README.md CHANGELOG.md "$root/share/doc/canisterfs/"
cp -r docs "$root/share/doc/canisterfs/"
rm -r "$root/share/doc/canisterfs/docs/man"
for package in zlib1g-dev libssl-dev libjansson-dev libfuse3-dev libdeflate-dev libisal-dev libzstd-dev libcbor-dev \
    libtomlplusplus-dev libseccomp-dev libncurses-dev libstdc++-12-dev; do
    cp -L "/usr/share/doc/$package/copyright" "$root/share/doc/canisterfs/licences/$package"
done
gzip -9n "$root"/share/man/man?/*
# No symbol of a newer glibc, and nothing to be found elsewhere.
newest=$(objdump -T "$root/bin/canisterfs" "$root"/lib/canisterfs/* | grep -o 'GLIBC_2[.0-9]*' | sort -V | tail -n 1)
[ "$(printf '%s\n' "$newest" GLIBC_2.36 | sort -V | tail -n 1)" = GLIBC_2.36 ] || {
    echo "needs $newest" >&2
    exit 1
}
tar -C /out --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=go-w -cf - "$name" |
    gzip -9n >"/out/$name.tar.gz"
END
}

# build_archive TO
build_archive() {
    local root
    root=$(new_chroot 12 archive)
    mapfile -t packages < <(packages_of build)
    install_in "$root" "${packages[@]}"
    mkdir "$root/src"
    git -C "$top" archive HEAD | tar -C "$root/src" -xf -
    write_recipe "$root"
    in_chroot "$root" sh /recipe "$name" "$(git -C "$top" log -1 --format=%ct)"
    cp "$root/out/$name.tar.gz" "$1"
    drop_chroot "$root"
}

mkdir -p "$dist"
install_packages release
build_archive "$dist/$name.tar.gz"
if [ "${1:-}" = --twice ]; then
    build_archive "$dist/again.tar.gz"
    cmp "$dist/$name.tar.gz" "$dist/again.tar.gz"
    rm "$dist/again.tar.gz"
    echo "built twice: the same bytes"
fi
(cd "$dist" && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256" && stat -c '%s bytes' "$name.tar.gz")
