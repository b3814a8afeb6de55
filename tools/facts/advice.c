// SPDX-License-Identifier: MIT
/*
 * See advice.h. Of the sizes that leave room enough the one with the smallest image is best; of
 * equal ones today's, else the smallest.
 */
#include "tools/facts/advice.h"

#include "tools/out/text.h"

enum { ROOM_FACTOR = 10 };
static const uint64_t stable_memory_max = UINT64_C(500) << 30;

const uint32_t advice_sizes[ADVICE_SIZES] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

static void choose(struct mm *mm, struct advice *out)
{
	uint64_t best_len = UINT64_MAX;

	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		struct mm_sizing size;
		bool now = advice_sizes[i] == out->now_pages;

		mm_sizing(mm, advice_sizes[i], &size);
		if (!size.fits || size.cap_pages * MM_PAGE_LEN < out->room_len ||
		    size.image_len + !now > best_len)
			continue;
		best_len = size.image_len;
		out->best_pages = size.bucket_pages;
	}
}

int advice_of(struct mm *mm, uint64_t room_len, struct advice *out, struct err *err)
{
	struct mm_stat st;

	mm_stat(mm, &st);
	*out = (struct advice){
		.now_pages = st.bucket_pages,
		.image_len = st.image_pages * MM_PAGE_LEN,
		.memories = st.memories,
	};
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(mm, id, &m);
		out->data_len += m.pages * MM_PAGE_LEN;
	}
	out->room_len = room_len ? room_len : MIN(ROOM_FACTOR * out->data_len, stable_memory_max);
	if (out->room_len == 0)
		return err_set(err, -ENODATA,
			       "there is no data yet to go by; say with --room how much the "
			       "memories are to hold");
	choose(mm, out);
	if (out->best_pages == 0)
		return err_set(err, -EFBIG,
			       "no bucket size up to %u pages can hold %s; a canister has at most "
			       "%s of stable memory",
			       advice_sizes[ADVICE_SIZES - 1], text_size(out->room_len).s,
			       text_size(stable_memory_max).s);
	return 0;
}
