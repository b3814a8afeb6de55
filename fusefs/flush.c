// SPDX-License-Identifier: MIT
/*
 * Makes the kernel write back what it has in its cache. It waits for the workers to take it: so
 * this is called by other threads, which hold no lock meanwhile.
 */
#include "fusefs/fs.h"

struct ids {
	size_t count;
	fuse_ino_t *id;
};

/* The nodes with bytes in the kernel that may be newer than ours, or all that it may know. */
static struct ids collect(struct fs *fs, bool all)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	struct ids ids = {0, NULL};
	size_t room = 0;

	for (struct node *n = fs->root.next; n != &fs->root; n = n->next)
		room++;
	ids.id = calloc(room + 1, sizeof(*ids.id));
	for (struct node *n = fs->root.next; ids.id && n != &fs->root; n = n->next)
		if (n->kind == NODE_MEMORY && n->lookups > 0 && (all || n->writers > 0))
			ids.id[ids.count++] = node_id(fs, n);
	return ids;
}

/* A node that is gone meanwhile, the kernel does not know either. */
void fs_flush(struct fs *fs, bool all)
{
	struct ids ids = collect(fs, all);

	for (size_t i = 0; i < ids.count; i++)
		fuse_lowlevel_notify_inval_inode(fs->session, ids.id[i], 0, 0);
	free(ids.id);
}
