# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it: installs what is missing of packages.txt, as root or by sudo.

# install_packages build: what it takes to build and try canisterfs; all: and to test it.
install_packages() {
    local list missing=() package sudo=()
    list=$(dirname "${BASH_SOURCE[0]}")/packages.txt
    if ! command -v apt-get >/dev/null; then
        echo "No apt-get here: see $list for what must be installed."
        return
    fi
    while read -r package; do
        case $package in
        '# To test it:') [ "$1" = all ] || break ;;
        '#'* | '') ;;
        *) dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package") ;;
        esac
    done <"$list"
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || {
            echo "To install ${missing[*]}, run this as root, or install sudo." >&2
            return 1
        }
        sudo=(sudo)
    fi
    echo "Installing ${missing[*]}"
    "${sudo[@]}" apt-get update -qq </dev/null
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# build_in DIRECTORY MESON-OPTION...: builds everything there with these options, quietly unless it
# fails.
build_in() {
    local dir=$1 log step=setup
    shift
    [ ! -f "$dir/build.ninja" ] || step=configure
    log=$(mktemp)
    if meson "$step" "$dir" "$@" >"$log" 2>&1 && ninja -C "$dir" >>"$log" 2>&1; then
        rm "$log"
    else
        cat "$log" >&2
        rm "$log"
        return 1
    fi
}
