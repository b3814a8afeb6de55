// SPDX-License-Identifier: MIT
/*
 * Makes the kernel write back what it has in its cache, forget it, or believe another length. It
 * waits for the workers meanwhile: so this is called by other threads, which hold no lock.
 *
 * Were a thread of ours to wait inside the kernel when the daemon is killed, it would keep the
 * connection open and wait for ever, and with it everybody who uses the mount. So a child does it,
 * which lets go of the connection first. Its requests are known by its pid (file.c): its fsync
 * syncs nothing here, and what it opens to be dropped is dropped by the kernel.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>

#include "fusefs/core/fs.h"

struct errand {
	bool unlocked; /* without the inode's lock, which somebody holds who waits for us */
	size_t count;
	struct stop {
		char path[PATH_MAX];
		int64_t len; /* to be told to the kernel; -1: none */
	} * stop;
};

static void errand_add(struct fs *fs, struct errand *e, const char *name, int64_t len)
{
	struct stop *more = realloc(e->stop, (e->count + 1) * sizeof(*more));

	if (!more)
		return;
	e->stop = more;
	more[e->count].len = len;
	if (snprintf(more[e->count].path, PATH_MAX, "%s/%s", fs->cfg->mountpoint, name) < PATH_MAX)
		e->count++;
}

/* In the child: system calls alone. */
static void walk(int connection, const struct errand *e, int go)
{
	char byte;

	close(connection);
	if (read(go, &byte, 1) != 1)
		_exit(1);
	for (size_t i = 0; i < e->count; i++) {
		int fd;

		if (e->stop[i].len >= 0)
			(void)!truncate(e->stop[i].path, e->stop[i].len);
		fd = open(e->stop[i].path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (e->unlocked)
			(void)!sync_file_range(fd, 0, 0,
					       SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
						       SYNC_FILE_RANGE_WAIT_AFTER);
		else
			fdatasync(fd);
		close(fd);
	}
	_exit(0);
}

static void run_errand(struct fs *fs, const struct errand *e, bool drop)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->errand_lock);
	int go[2];
	pid_t pid;

	if (e->count == 0 || pipe2(go, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		walk(fuse_session_fd(fs->session), e, go[0]);
	}
	fs->errand_drops = drop;
	fs->errand_pid = MAX(pid, 0);
	(void)!write(go[1], "", 1);
	close(go[0]);
	close(go[1]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	fs->errand_pid = 0;
}

void fs_flush(struct fs *fs, bool all)
{
	struct errand e = {.stop = NULL};

	pthread_mutex_lock(&fs->tree_lock);
	for (struct node *n = fs->root.next; n != &fs->root; n = n->next)
		if (n->lookups > 0 && (all || n->writers > 0))
			errand_add(fs, &e, n->name, -1);
	pthread_mutex_unlock(&fs->tree_lock);
	run_errand(fs, &e, all);
	free(e.stop);
}

/* Without the inode's lock: a writer may wait for us, who has it. */
static int flush_named(struct fs *fs, const char *name)
{
	struct errand e = {.unlocked = true};

	if (name)
		errand_add(fs, &e, name, -1);
	run_errand(fs, &e, false);
	free(e.stop);
	return e.count > 0 ? 0 : -EINVAL;
}

int fs_flush_file(struct fs *fs, struct node *node)
{
	auto_free char *name = NULL;

	pthread_mutex_lock(&fs->tree_lock);
	name = node->name ? strdup(node->name) : NULL;
	pthread_mutex_unlock(&fs->tree_lock);
	return flush_named(fs, name);
}

void fs_flush_memory(struct fs *fs, unsigned mm_id)
{
	char name[8];

	snprintf(name, sizeof(name), "%u", mm_id);
	if (node_is_written(fs, mm_id))
		(void)!flush_named(fs, name);
}

static uint64_t len_of(struct fs *fs, unsigned mm_id)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	const struct node *node = node_find_memory(fs, mm_id);

	return node ? node->size_len : 0;
}

void fs_tell_sizes(struct fs *fs, const bool *changed)
{
	struct errand e = {.stop = NULL};

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		char name[8];

		if (!changed[id])
			continue;
		snprintf(name, sizeof(name), "%u", id);
		fuse_lowlevel_notify_inval_entry(fs->session, FUSE_ROOT_ID, name, strlen(name));
		errand_add(fs, &e, name, (int64_t)len_of(fs, id));
	}
	run_errand(fs, &e, true);
	free(e.stop);
}

bool fs_is_errand(fuse_req_t req)
{
	return fs_of(req)->errand_pid == fuse_req_ctx(req)->pid;
}
