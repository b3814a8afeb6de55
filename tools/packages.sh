# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it: installs what is missing of packages.txt, as root or by sudo.

package_list=$(dirname "${BASH_SOURCE[0]}")/packages.txt

# packages_of build: what it takes to build and try canisterfs, a package a line; all: and to test it;
# release: only what making packages of canisterfs takes.
packages_of() {
    local line part=build
    while read -r line; do
        case $line in
        '# To test it:') part='test' ;;
        '# To make packages of it:') part=release ;;
        '#'* | '') ;;
        *) case $1:$part in build:build | all:build | all:test | release:release) echo "$line" ;; esac ;;
        esac
    done <"$package_list"
}

# install_packages PART: those of packages_of that are missing.
install_packages() {
    local missing=() package sudo=()
    if ! command -v apt-get >/dev/null; then
        echo "No apt-get here: see $package_list for what must be installed."
        return
    fi
    while read -r package; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done < <(packages_of "$1")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || {
            echo "To install ${missing[*]}, run this as root, or install sudo." >&2
            return 1
        }
        sudo=(sudo)
    fi
    echo "  installing ${missing[*]}"
    "${sudo[@]}" apt-get update -qq </dev/null
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        "${missing[@]}" </dev/null | tell_of_packages
}

# Of apt-get's many lines those that show that it goes on.
tell_of_packages() {
    awk '/^Need to get/ { sub(/^Need to get /, ""); sub(/ of archives\.$/, ""); print "  downloading " $0 }
         /^Unpacking / && u++ % 25 == 0 { print "  unpacking " $2 " and others" }
         /^Setting up / && s++ % 25 == 0 { print "  setting up " $3 " and others" }
         { fflush() }'
}

# build_program DIRECTORY: the program alone, and how far it is.
build_program() {
    local dir=$1 step=setup
    [ ! -f "$dir/build.ninja" ] || step=configure
    quietly meson "$step" "$dir" --buildtype=release || return
    NINJA_STATUS='%p ' ninja -C "$dir" canisterfs | tell_of_build
}

# A line for each tenth, and all that is no progress: a compiler that complains.
tell_of_build() {
    awk '/^ *[0-9]+%/ { if (int($1 / 10) > tenth) { tenth = int($1 / 10); print "  " tenth * 10 " % built" }; fflush(); next }
         /^ninja: Entering directory/ { next }
         { print "  " $0; fflush() }'
}

# quietly COMMAND...: shows what a command printed only when it fails.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm "$log"
    else
        cat "$log" >&2
        rm "$log"
        return 1
    fi
}

# build_in DIRECTORY MESON-OPTION...: builds everything there with these options, quietly unless it
# fails.
build_in() {
    local dir=$1 step=setup
    shift
    [ ! -f "$dir/build.ninja" ] || step=configure
    quietly meson "$step" "$dir" "$@" && quietly ninja -C "$dir"
}
