#!/bin/bash
# SPDX-License-Identifier: MIT
# Compares two builds of canisterfs, for changes that must leave the behaviour alone: the help of
# every verb, and the output, the messages, the exit code and the files of many commands on the
# golden images, on damaged copies of these, and on files that are no image.
#
#     tools/behaviour.sh OLD NEW
#
# Prints the differences. Exits with 0 if there are none, with 1 if there are some.
set -uo pipefail

[ $# = 2 ] || {
    echo "usage: tools/behaviour.sh OLD NEW" >&2
    exit 2
}
data=$(cd "$(dirname "$0")/.." && pwd)/tests/data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS

# Runs canisterfs; prints its words, exit code, output and messages.
try() {
    local rc=0
    "$program" "$@" >"$work/out" 2>"$work/err" </dev/null || rc=$?
    echo "== canisterfs $* -> $rc"
    cat "$work/out"
    sed 's/^/stderr: /' "$work/err"
}

# The checksum of each file here.
files() {
    find . -type f -print0 | sort -z | xargs -0 sha256sum
}

help_pages() {
    local verb
    try help
    try
    for verb in $("$program" help | sed -n 's/^ *\([a-z][a-z]*\)  .*/\1/p'); do
        try "$verb" --help
        try "$verb"
        try "$verb" --no-such-option
        try "$verb" missing missing missing
        try --complete "$verb" --
    done
}

readers() {
    local image=$1 id
    try info --json "$image"
    try info "$image"
    try map --json "$image"
    try check --json "$image"
    try check "$image"
    try advise --json "$image"
    try advise "$image"
    try waste --json --jobs 1 "$image"
    try waste --jobs 1 "$image"
    try find --json --text user "$image"
    try --complete cat "$image" ""
    for id in 0 1 2 3 4 5 6 7 20 254; do
        try info --json --structure "$image" $id
        try info --structure "$image" $id
        try dump "$image" $id
        try cat --length 100 "$image" $id
    done
}

writers() {
    local image=$1
    try compare --json --strict "$image" ../a_empty.img
    try checkpoint --json --jobs 1 "$image" ckpt.qcow2
    try info --json ckpt.qcow2
    try verify --json ckpt.qcow2
    try restore --json ckpt.qcow2 restored.img
    try compare --json restored.img "$image"
    try rebucket --json --bucket-pages 4 "$image" wide.img
    try extract --json "$image" 1 memory.bin
    try adopt --json --memory 3 --bucket-pages 2 "$image" adopted.img
    try snapshot create "$image" one
    try snapshot list --json "$image"
    try put "$image" 1 ../words
    try snapshot diff --json "$image" one
    try checkpoint --json --jobs 1 --snapshot one "$image" one.qcow2
    try snapshot remove "$image" one
    try put "$image" 9 ../words
    try compact --json "$image"
    try check --json --repair "$image"
    try info --base-page 1 --json "$image"
    files
}

# A name for each file, so that no command sees what another one has left.
all_images() {
    local image name
    for image in "$data"/*.img.gz; do
        gzip -dc "$image" >"$(basename "$image" .gz)"
    done
    head -c 70000 c_interleaved.img >cut.img
    { head -c 10 d_ragged.img; head -c 40 /dev/zero; tail -c +51 d_ragged.img; } >damaged.img
    : >empty.img
    head -c 100000 /dev/zero >zeros.img
    echo 'some words' >words
    mkdir folder.img
    for image in *.img; do
        name=${image%.img}
        readers "$image"
        mkdir "$name"
        cp -r "$image" "$name/"
        (cd "$name" && writers "$image")
        rm -rf "$name"
    done
}

listing() {
    program=$(realpath "$1")
    mkdir "$work/$2"
    (cd "$work/$2" && help_pages && all_images) >"$work/$2.txt" 2>&1
    # Names that are drawn by lot, times, and directories of this run.
    sed -i -E -e "s#$work/$2#WORK#g" -e "s#$program#PROGRAM#g" \
        -e 's/"time": "[^"]*"/"time"/; s/"seconds": [0-9]+/"seconds"/; s/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z?/TIME/g' "$work/$2.txt"
    rm -rf "${work:?}/$2"
}

listing "$1" old
listing "$2" new
wc -l <"$work/new.txt" | sed 's/$/ lines compared/'
diff -u "$work/old.txt" "$work/new.txt"
