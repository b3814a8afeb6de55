// SPDX-License-Identifier: MIT
/*
 * Any bytes as a packed image: unpacked or refused, never beyond the bound. Aborts where the file
 * that comes out is not as long as is said, or longer than is allowed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "memmgr/util.h"
#include "tests/fuzz/fuzz.h"
#include "tools/image/unpack.h"

enum { BOUND_LEN = 1 << 20, DATA_LEN = 1 << 19 };

static void demand(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unpack_bound bound = {BOUND_LEN, DATA_LEN};
	auto_close int from = memfd_create("from", MFD_CLOEXEC);
	auto_close int to = memfd_create("to", MFD_CLOEXEC);
	struct err err = {""};
	struct stat st;
	uint64_t len;
	int rc;

	demand(from >= 0 && to >= 0 && pwrite_all(from, data, size, 0) == 0, "no memory");
	rc = unpack_file(from, to, &bound, &len, &err);
	demand(rc == 0 || *err.text, "refused without a word");
	demand(fstat(to, &st) == 0 && st.st_size <= BOUND_LEN && st.st_blocks * 512 <= DATA_LEN,
	       "unpacked beyond the bound");
	demand(rc || (uint64_t)st.st_size == len, "the length is not that of the file");
	return 0;
}
