/* SPDX-License-Identifier: MIT */
/*
 * Page accounting (-o account): which pages of 4 KiB of each memory were read and dirtied.
 *
 * A page is read when a request asks for a byte of it. A page is dirtied when a change gives a byte
 * of it another value; a write of equal bytes dirties nothing. What a shorter length cuts off is
 * not counted. Memories' files are not cached for read(2) and write(2), so that each call is seen;
 * what a mapping touches is seen when the kernel fetches the page, once. Where the kernel cannot
 * map such files (before Linux 6.6), they are cached, and a page that is read again from the cache
 * is not seen: account->cached.
 */
#ifndef CANISTERFS_ACCOUNT_H
#define CANISTERFS_ACCOUNT_H

#include "fusefs/core/fs.h"

struct account {
	bool cached;
	pthread_mutex_t lock;
	struct account_memory {
		struct fs_account count;
		struct account_pages {
			uint8_t *bits; /* one for each page */
			size_t len;
			uint64_t next_off; /* behind the last access */
		} read, dirty;
	} memory[MM_MAX_MEMORIES];
};

/* Where the options ask for it. */
int MUST_CHECK account_open(struct fs *fs, struct err *err);
void account_close(struct fs *fs);

/* Each does nothing where pages are not counted. */
void account_read(struct fs *fs, unsigned mm_id, uint64_t off, uint64_t len);
/* Before the bytes are changed; `buf` NULL: zeros. */
int MUST_CHECK account_write(struct fs *fs, unsigned mm_id, const void *buf, uint64_t len,
			     uint64_t off, struct err *err);
/* Before the whole content is replaced. */
int MUST_CHECK account_replace(struct fs *fs, const struct mm_content *content, struct err *err);

void account_get(struct fs *fs, unsigned mm_id, struct fs_account *out);
void account_reset(struct fs *fs);
/* All counts as JSON; *text is for free(). */
int MUST_CHECK account_text(struct fs *fs, char **text, size_t *len, struct err *err);

#endif
