/* SPDX-License-Identifier: MIT */
/*
 * What a qcow2 file of ours that is written to says of itself, in a header extension: how much of
 * it had surely reached the disk, and whatever the file's maker wants to remember. Pure functions;
 * big-endian, as everywhere in qcow2.
 *
 *     extension "CFst"
 *     off   0   4  version, 1
 *           4   4  1: changed since it was last closed, or being changed
 *           8   8  length of the disk in bytes (the header's own is a multiple of 512)
 *          16   8  synced end: clusters behind it may not have reached the disk
 *          24  16  the boot during which it was changed
 *          40   4  bytes of the record
 *          44   4  zero
 *          48 1024 the record: its maker's, opaque here
 *
 * Clusters are only ever taken at the end of the file. So after a power cut those in front of the
 * synced end are as they were at the last sync or newer, and those behind it count as never
 * written. After a mere crash of the program, within the same boot, nothing is lost.
 */
#ifndef CANISTERFS_STATE_H
#define CANISTERFS_STATE_H

#include "memmgr/util.h"

enum {
	STATE_VERSION = 1,
	STATE_BOOT_LEN = 16,
	STATE_RECORD_MAX = 1024,
	STATE_LEN = 48 + STATE_RECORD_MAX,
};

struct state {
	bool in_use;
	uint64_t len;
	uint64_t synced_end;
	uint8_t boot[STATE_BOOT_LEN];
	uint32_t record_len;
	uint8_t record[STATE_RECORD_MAX];
};

/* Writes STATE_LEN bytes. */
void state_encode(const struct state *st, uint8_t *buf);
/* -ENOTSUP: a newer version; -EUCLEAN: a field cannot be true. */
int MUST_CHECK state_decode(const uint8_t *buf, size_t len, struct state *out, struct err *err);

/* True: it was left in use, and the system has been booted since. */
bool state_lost_power(const struct state *st);

#endif
