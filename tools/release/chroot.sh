# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it: clean systems of Debian 12 and 13 in directories, from the package
# sources of this machine. Each command runs in a mount and a process namespace of its own, so that
# its mounts and its daemons end with it. Needs root.

. "$top/tools/packages.sh"

# The version that meson.build tells.
project_version() {
    sed -n "s/^ *version: '\(.*\)',$/\1/p" "$top/meson.build"
}

# Where the systems are made; they take about 2 GiB while the scripts run.
chroots=${CHROOTS:-$top/build-dist/chroots}

# suite_of 12|13
suite_of() {
    case $1 in
    12) echo bookworm ;;
    13) echo trixie ;;
    *)
        echo "Debian $1 is not among 12 and 13" >&2
        return 1
        ;;
    esac
}

# The archive that this machine's own packages come from.
debian_archive() {
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian //p;' | head -n 1
}

# base_system RELEASE: the path of a packed minimal system, which is made when there is none.
base_system() {
    local suite tar
    suite=$(suite_of "$1") || return
    tar=$chroots/base-$suite.tar
    if [ ! -f "$tar" ]; then
        mkdir -p "$chroots"
        echo "Making a minimal Debian $1" >&2
        mmdebstrap --quiet --variant=minbase "$suite" "$tar.new" "$(debian_archive)" >&2 || return
        mv "$tar.new" "$tar"
    fi
    echo "$tar"
}

# new_chroot RELEASE NAME: a fresh system; prints its directory.
new_chroot() {
    local tar dir=$chroots/$2
    tar=$(base_system "$1") || return
    rm -rf --one-file-system "$dir"
    mkdir -p "$dir"
    tar -C "$dir" --numeric-owner -xf "$tar" || return
    cp -L /etc/resolv.conf "$dir/etc/resolv.conf"
    # For apt: sources that were stale when this machine was set up stay usable.
    echo 'Acquire::Check-Valid-Until "false";' >"$dir/etc/apt/apt.conf.d/99stale"
    # As every installed system and container has it; fusermount3 reads it.
    ln -sf ../proc/self/mounts "$dir/etc/mtab"
    printf '#!/bin/sh\nexit 101\n' >"$dir/usr/sbin/policy-rc.d"
    chmod +x "$dir/usr/sbin/policy-rc.d"
    echo "$dir"
}

# with_mounts DIR COMMAND...: here, with /proc, /dev and a /dev/fuse for everybody in DIR. The mounts and
# all processes that the command leaves end with it. OFFLINE=1: without a network.
with_mounts() {
    local dir=$1 net=()
    [ "${OFFLINE:-0}" = 0 ] || net=(--net)
    [ -e "$dir/fuse" ] || mknod -m 666 "$dir/fuse" c 10 229
    unshare --mount --propagation private --pid --fork --kill-child "${net[@]}" bash -c '
        dir=$1
        shift
        mount -t proc proc "$dir/proc" && mount --rbind /dev "$dir/dev" &&
            mount --bind "$dir/fuse" "$dir/dev/fuse" && mount -t tmpfs tmpfs "$dir/run" || exit 125
        "$@"' with_mounts "$@" </dev/null
}

# in_chroot DIR COMMAND...: as root, from / on, with nothing of this environment.
in_chroot() {
    local dir=$1
    shift
    with_mounts "$dir" chroot "$dir" /usr/bin/env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive NO_COLOR=1 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# install_in DIR PACKAGE...
install_in() {
    local dir=$1
    shift
    in_chroot "$dir" sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null' \
        install "$@"
}

drop_chroot() {
    rm -rf --one-file-system "$1"
}
