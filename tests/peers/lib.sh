# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What every test beside other programs sources, on top of what those of the command line have.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"

# holds FILE IMAGE: qemu-img finds nothing wrong in FILE, and in it what IMAGE has.
holds() {
    qemu-img check -q -f qcow2 "$1" >qemu 2>&1 || fail "qemu-img check $1: $(cat qemu)"
    qemu-img compare -q -f qcow2 -F raw "$1" "$2" >qemu 2>&1 ||
        fail "qemu-img compare $1 $2: $(cat qemu)"
}
