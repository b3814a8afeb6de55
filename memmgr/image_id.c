// SPDX-License-Identifier: MIT
/*
 * Encodes and decodes the image id, which lies in the last sector of page 0. Pure functions.
 *
 *     off     65024   8  "CFSIMGID"
 *             65032   4  CRC-32 of the 500 bytes that follow
 *             65036  16  the id, random
 *             65052   8  the tick
 *             65060 476  zero                                   all little-endian
 */
#include "memmgr/layout.h"

enum { CRC_OFF = 8, ID_OFF = 12, TICK_OFF = 28 };

static const char magic[8] = "CFSIMGID";

_Static_assert((int)MM_ID_SECTOR_OFF == (int)LAYOUT_ID_OFF, "one place for the id");

void mm_image_id_encode(const struct mm_image_id *id, uint8_t *sector)
{
	memset(sector, 0, MM_ID_SECTOR_LEN);
	memcpy(sector, magic, sizeof(magic));
	memcpy(sector + ID_OFF, id->id, MM_ID_LEN);
	put_le64(sector + TICK_OFF, id->tick);
	put_le32(sector + CRC_OFF, crc32_of(0, sector + ID_OFF, MM_ID_SECTOR_LEN - ID_OFF));
}

bool mm_image_id_decode(const uint8_t *sector, struct mm_image_id *out)
{
	uint32_t crc = crc32_of(0, sector + ID_OFF, MM_ID_SECTOR_LEN - ID_OFF);

	if (memcmp(sector, magic, sizeof(magic)) != 0 || get_le32(sector + CRC_OFF) != crc)
		return false;
	memcpy(out->id, sector + ID_OFF, MM_ID_LEN);
	out->tick = get_le64(sector + TICK_OFF);
	return true;
}
