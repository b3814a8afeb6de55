# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: MIT
# What every test of the command line sources. $CANISTERFS is the program. A test runs in a
# directory of its own that goes away.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "${CANISTERFS:?the program to test}")
work=$(mktemp -d)
export LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS

# Tests replace this to clean up more.
clean_up() { :; }
at_exit() {
    clean_up
    rm -rf "$work"
}
trap at_exit EXIT
trap 'echo "$test_name:$LINENO: $BASH_COMMAND" >&2' ERR
cd "$work"

# Unpacks golden images to NAME.img.
golden() {
    local name
    for name; do
        unpack "$name" "$name.img"
    done
}

# run STATUS ARGUMENT...: runs canisterfs; its output is in the files out and err then.
run() {
    local want=$1 got=0
    shift
    "$program" "$@" >out 2>err || got=$?
    [ "$got" = "$want" ] || fail "canisterfs $*: exited $got, not $want: $(cat err)"
}

# The whole of stdout, or of stderr, is this text.
out_is() {
    [ "$(cat out)" = "$1" ] || fail "stdout is: $(cat out)"
}

err_is() {
    [ "$(cat err)" = "$1" ] || fail "stderr is: $(cat err)"
}

# refused STATUS TEXT ARGUMENT...: canisterfs fails with just this line on stderr, after its name,
# and nothing on stdout.
refused() {
    local status=$1 text=$2
    shift 2
    run "$status" "$@"
    err_is "canisterfs: $text"
    out_is ""
}

# json FILTER VALUE: what jq makes of stdout.
json() {
    local got
    got=$(jq -c "$1" out) || fail "no JSON: $(cat out)"
    [ "$got" = "$2" ] || fail "$1 is $got, not $2"
}

# killed N ARGUMENT...: runs canisterfs and kills it before its Nth call that changes a file; true
# when it was killed, false when it came to its end.
killed() {
    local n=$1 got=0
    shift
    # In a subshell, so that the shell's word on it goes nowhere.
    (ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 KILL_AT=$n \
        LD_PRELOAD=${KILL_AT_LIB:?the library that kills} "$program" "$@" >out 2>err; exit $?) 2>/dev/null || got=$?
    case $got in
    0) return 1 ;;
    137) return 0 ;;
    *) fail "killed at $n, $*: exited $got: $(cat err)" ;;
    esac
}

# failing N ERRNO ARGUMENT...: runs canisterfs and has its Nth call that changes a file fail; sets
# $got to what it exits with. There is no file `reached` where it made fewer than N calls.
failing() {
    local n=$1 number=$2
    shift 2
    got=0
    FAIL_AT=$n FAIL_ERRNO=$number FAIL_MARK=reached ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 \
        LD_PRELOAD=${KILL_AT_LIB:?the library that fails} "$program" "$@" >out 2>err </dev/null || got=$?
    [ $got -lt 124 ] || fail "call $n fails with $number, $*: exited $got: $(cat err)"
}

# untidy IMAGE: makes a small image with holes, surplus, slack and a tail. Its buckets have one page, so
# that many moves are little.
untidy() {
    python3 - "$1" <<'EOF'
import random, struct, sys
random.seed(7)
owner = bytearray(b'\xff' * 32768)
owner[:14] = bytes([5, 255, 0, 5, 255, 9, 0, 255, 5, 9, 9, 255, 0, 5])
pages = [0] * 255
for m in (0, 5, 9):
    pages[m] = owner[:14].count(m)
pages[9] -= 1
page = bytearray(65536)
page[:8] = b'MGR\1' + struct.pack('<HH', 14, 1)
page[40:2080] = struct.pack('<255Q', *pages)
page[2080:34848] = owner
body = b''.join(bytes(65000) + random.randbytes(536) for _ in range(16))
open(sys.argv[1], 'wb').write(page + body)
EOF
}
