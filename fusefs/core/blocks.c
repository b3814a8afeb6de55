// SPDX-License-Identifier: MIT
/*
 * How much of a file its host holds: what stat calls blocks. Copying tools take a file with fewer
 * blocks than its length for one with holes, and look for these.
 */
#include "fusefs/core/fs.h"

/* A stat is to be quick: of a file in more pieces the rest counts as data. */
enum { RANGES_MAX = 1024 };

static uint64_t count(struct fs *fs, struct node *node, next_data_fn *next)
{
	uint64_t size_len = node->size_len, len = 0, off = 0;

	for (int i = 0; off < size_len; i++) {
		uint64_t start, end;

		if (i == RANGES_MAX || next(fs, node, off, &start, &end, NULL))
			return len + size_len - off;
		if (start >= end)
			break;
		len += MIN(end, size_len) - start;
		off = end;
	}
	return len;
}

/* Another number whenever the file may hold something else. */
static uint64_t version_of(struct fs *fs, const struct node *node)
{
	return node->kind == NODE_MEMORY
		       ? (mm_change_count(fs->mm, node->mm_id) << 8 | node->mm_id) + 1
		       : 1;
}

static uint64_t count_once(struct fs *fs, struct node *node, next_data_fn *next)
{
	uint64_t version = version_of(fs, node), size_len = node->size_len, len;

	{
		auto_unlock pthread_mutex_t *held = lock(&node->attr_lock);

		if (node->counted.version == version && node->counted.size_len == size_len)
			return node->counted.len;
	}
	len = count(fs, node, next);
	auto_unlock pthread_mutex_t *held = lock(&node->attr_lock);

	node->counted = (struct counted){version, size_len, len};
	return len;
}

uint64_t node_count_blocks(struct fs *fs, struct node *node, next_data_fn *next)
{
	return div_up(count_once(fs, node, next), 512);
}
