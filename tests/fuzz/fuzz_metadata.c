// SPDX-License-Identifier: MIT
/*
 * The metadata.json of a canister snapshot: whatever the text is, nothing beside it is read, and
 * where it is taken, another length changes those digits and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tools/image/canister_meta.h"

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct canister_meta meta, again;
	auto_free char *other = NULL;
	size_t len;

	if (canister_meta_parse(text, size, &meta, NULL) != 0)
		return 0;
	must(meta.stable_off + meta.stable_digits <= size, "the digits lie behind the text");
	must(canister_meta_with(text, size, &meta, 65536, &other, &len, NULL) == 0,
	     "no other length");
	must(canister_meta_parse(other, len, &again, NULL) == 0, "the changed text is not taken");
	must(again.stable_len == 65536 && again.heap_len == meta.heap_len &&
		     again.module_len == meta.module_len,
	     "another number has changed");
	must(memcmp(text, other, meta.stable_off) == 0 &&
		     memcmp(text + meta.stable_off + meta.stable_digits,
			    other + meta.stable_off + 5, len - meta.stable_off - 5) == 0,
	     "another byte has changed");
	return 0;
}
