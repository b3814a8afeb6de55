#!/bin/bash
# SPDX-License-Identifier: MIT
# schema: an image fits what the code expects, or it is told where not.
. "$(dirname "$0")/lib.sh"

golden h_structs
cat >good.toml <<'END'
0 = { name = "config", kind = "cell" }
1 = { name = "numbers", kind = "vec", value = "u64", max_value = 8, fixed = true }
2 = { name = "hashes", kind = "vec" }
3 = { name = "words", kind = "vec", max_value = 100, fixed = false }
4 = { name = "queue", kind = "minheap" }
5 = { name = "journal", kind = "log", data = 6 }
6 = { name = "journal-data", kind = "log-data" }
7 = { name = "members", kind = "btreeset" }
8 = { name = "texts", kind = "vec", state = "deprecated" }
9 = { name = "later", kind = "btreemap", state = "new" }
END
"$program" schema --names good.toml h_structs.img >out 2>err || {
    grep -q 'built without TOML' err && skip "no TOML"
    fail "$(cat out err)"
}
out_is "h_structs.img: fits the code"

cat >bad.toml <<'END'
bucket_pages = 77
0 = { name = "config", kind = "btreemap" }
1 = { name = "numbers", kind = "vec", max_value = 9 }
2 = { name = "hashes", kind = "minheap" }
4 = { name = "queue", kind = "minheap", state = "new" }
5 = { name = "journal", state = "removed" }
END
run 1 schema --names bad.toml --json h_structs.img
json .fits false
json '[.findings[] | [.id, .memory]]' \
    '[["bucket-size",null],["would-overwrite",0],["wrong-bounds",1],["wrong-kind",2],["unnamed",3],["reused-id",4],["removed-held",5],["unnamed",6],["unnamed",7],["unnamed",8]]'
run 1 schema --names bad.toml h_structs.img
grep -q '^h_structs.img: does not fit the code$' out || fail "$(cat out)"
run 2 schema h_structs.img
run 2 schema --names missing.toml h_structs.img
