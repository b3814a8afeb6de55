/* SPDX-License-Identifier: MIT */
/*
 * Which bucket size an image should have.
 */
#ifndef CANISTERFS_ADVICE_H
#define CANISTERFS_ADVICE_H

#include "memmgr/memmgr.h"

/* 1 to 256 pages, each twice the one before: at 256 the cap is above the 500 GiB of stable memory
 * that a canister can have. */
enum { ADVICE_SIZES = 9 };
extern const uint32_t advice_sizes[ADVICE_SIZES];

struct advice {
	uint32_t now_pages, best_pages; /* in a bucket */
	uint64_t image_len, data_len;   /* data: the memories' pages */
	uint64_t room_len;              /* what the best size must be able to hold */
	unsigned memories;
};

/* room_len 0: ten times the data of today; -ENODATA: there is none. -EFBIG: not even the largest of
 * the sizes holds it. */
int MUST_CHECK advice_of(struct mm *mm, uint64_t room_len, struct advice *out, struct err *err);

#endif
