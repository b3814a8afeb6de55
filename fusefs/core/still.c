// SPDX-License-Identifier: MIT
/*
 * Keeps all files still while the image changes below them, and gives the memories' files the sizes
 * that the memories have then.
 */
#include "fusefs/core/fs.h"

void fs_lock_files(struct fs *fs)
{
	pthread_mutex_lock(&fs->tree_lock);
	for (struct node *n = fs->root.next; n != &fs->root; n = n->next)
		pthread_rwlock_wrlock(&n->lock);
}

void fs_unlock_files(struct fs *fs)
{
	for (struct node *n = fs->root.next; n != &fs->root; n = n->next)
		pthread_rwlock_unlock(&n->lock);
	pthread_mutex_unlock(&fs->tree_lock);
}

int fs_update_file(struct fs *fs, unsigned mm_id, bool *changed)
{
	struct mm_memory m;
	struct node *node = node_find_memory(fs, mm_id);

	mm_memory(fs->mm, mm_id, &m);
	*changed = node && node->size_len != m.pages * MM_PAGE_LEN;
	if (!node && m.pages == 0)
		return 0;
	if (!node) {
		node = node_new_memory(fs, mm_id);
		if (!node)
			return -ENOMEM;
		*changed = true;
	}
	unwritten_remove(node, 0, UINT64_MAX);
	node->unwritten.any = false;
	node->size_len = m.pages * MM_PAGE_LEN;
	node_touch(node);
	return 0;
}
