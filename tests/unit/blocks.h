/* SPDX-License-Identifier: MIT */
/*
 * Memory for the images and models of tests, which come and go by the thousand. The system maps
 * each large block that malloc gives, clears its pages one by one, and unmaps the block again; with
 * sanitizers that is most of what such a test does. So the blocks of this file are kept and used
 * again. AddressSanitizer still sees an access right behind the length that was asked for, or to
 * the beginning of a block that was given back. Any thread may call.
 */
#ifndef CANISTERFS_TESTS_BLOCKS_H
#define CANISTERFS_TESTS_BLOCKS_H

#include <stddef.h>

/* `len` bytes of zeros. Never NULL: the test fails when there is no memory. */
void *block_new(size_t len);
/* `len` bytes that are the same as those. Never NULL. */
void *block_copy(const void *bytes, size_t len);
/* The block with another length, at another place perhaps; new bytes are zero. */
void *block_resize(void *block, size_t len);
/* NULL does nothing. */
void block_free(void *block);

void cleanup_block(void *pointer_to_pointer);
#define auto_block __attribute__((cleanup(cleanup_block), unused))

#endif
