// SPDX-License-Identifier: MIT
/*
 * Takes buckets from memories: the table first, durably, then their space. The table decides: space
 * that does not come back is no failure, since whoever grows into it makes it zero first.
 */
#include "memmgr/image.h"

int image_release(struct mm *mm, unsigned mm_id, uint32_t keep, struct err *err)
{
	struct bucket_list *list = &mm->buckets.of[mm_id];
	uint32_t freed = list->count - keep;
	const uint16_t *index = list->index + keep;
	int rc = image_set_owner(mm, index, freed, LAYOUT_FREE, STORE_DURABLE, err);

	if (rc)
		return rc;
	list->count = keep;
	for (uint32_t i = 0; i < freed; i++)
		(void)!image_zero_bucket(mm, index[i], NULL);
	(void)!image_trim(mm, NULL);
	return 0;
}

int image_recall_ahead(struct mm *mm, struct err *err)
{
	int rc = 0;

	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++) {
		uint32_t surplus = mm->ahead[id] ? bucket_surplus(&mm->buckets, &mm->lay, id) : 0;

		if (surplus > 0)
			rc = image_release(mm, id, mm->buckets.of[id].count - surplus, err);
		mm->ahead[id] = rc != 0;
	}
	return rc;
}
