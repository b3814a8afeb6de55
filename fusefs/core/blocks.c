// SPDX-License-Identifier: MIT
/*
 * How much of a file its host holds: what stat calls blocks. Copying tools take a file with fewer
 * blocks than its length for one with holes, and look for these.
 */
#include "fusefs/core/fs.h"
#include "fusefs/snap/snap.h"

/* A stat is to be quick: of a file in more pieces the rest counts as data. */
enum { RANGES_MAX = 1024 };

typedef int next_data_fn(struct fs *fs, struct node *node, uint64_t off, uint64_t *start,
			 uint64_t *end, struct err *err);

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

static uint64_t image_data_len(struct fs *fs)
{
	auto_mm_pin struct mm *mm = fs->mm;
	struct store_host host;
	struct stat st;

	mm_pin(mm);
	host = store_host_at(fs->store, 0);
	if (host.fd >= 0 && host.len == fs->store->len && fstat(host.fd, &st) == 0 &&
	    S_ISREG(st.st_mode))
		return MIN((uint64_t)st.st_blocks * 512, fs->store->len);
	return fs->store->len;
}

uint64_t node_blocks(struct fs *fs, struct node *node)
{
	struct stat st;

	switch ((enum node_kind)node->kind) {
	case NODE_MEMORY:
		return div_up(count_once(fs, node, content_next_data), 512);
	case NODE_SCRATCH:
		return fstat(node->fd, &st) == 0 ? (uint64_t)st.st_blocks : 0;
	case NODE_STABLE:
		return div_up(image_data_len(fs), 512);
	case NODE_SNAP_FILE:
	case NODE_SNAP_STABLE:
		return div_up(count_once(fs, node, snapdir_next_data), 512);
	case NODE_BESIDE: /* see node_stat */
	case NODE_ROOT:
	case NODE_CONTROL:
	case NODE_INFO:
	case NODE_RECORDS:
	case NODE_RECORD_DIR:
	case NODE_RECORD:
	case NODE_BY_NAME:
	case NODE_LINK:
	case NODE_SNAP_ROOT:
	case NODE_SNAP_DIR:
		break;
	}
	return 0;
}
