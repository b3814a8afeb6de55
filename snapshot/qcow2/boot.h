/* SPDX-License-Identifier: MIT */
/*
 * Which boot of the system this is: files that were left open in another boot may have lost what
 * was not synced.
 */
#ifndef CANISTERFS_BOOT_H
#define CANISTERFS_BOOT_H

#include "memmgr/util.h"

enum { BOOT_ID_LEN = 16 };

/* The running system's boot; zeros where it cannot be told. */
void boot_id(uint8_t *id);
/* Returns true where `id` is the running boot; zeros are no boot. */
bool boot_is_this(const uint8_t *id);

#endif
