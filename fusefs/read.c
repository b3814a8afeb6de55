// SPDX-License-Identifier: MIT
/*
 * Reading, the fast way and the plain way.
 *
 * The fast way hands the kernel pieces of a mapping of the image's file, so that the bytes are
 * copied once, page cache to page cache. The daemon itself never touches the mapping: where the
 * file is shorter than it should be, or its disk fails, the kernel's copy ends with EFAULT and the
 * reader gets EIO; nobody gets a SIGBUS. Writing never goes through it.
 *
 * Holes are not read through the mapping: tmpfs allocates a page for each that is looked at, so
 * that an image would grow by being read. Zeros of our own stand for them.
 *
 * Where a piece of the image lies in no host file that is mapped, the plain way reads it.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "fusefs/core/account.h"
#include "fusefs/ops.h"

/* Address space, not memory; images beyond it are read the plain way from there on. */
#define WINDOW_MAX_LEN (1ull << 40)

enum {
	PIECES_MAX = 64,
	SEQUENTIAL_LEN = 64 << 10,
	AHEAD_LEN = 16 << 20, /* host pages that are fetched before the kernel asks for them */
	ZEROS_LEN = 128 << 10,
};

static char zeros[ZEROS_LEN];

void window_open(struct fs *fs)
{
	struct store_host host = store_host_at(fs->whole, 0);
	struct mm_stat ms;
	void *base;

	mm_stat(fs->mm, &ms);
	fs->window_fd = -1;
	if (host.fd < 0 || host.off != 0)
		return;
	/* A mapping may reach behind the file's end: the file can grow into it. */
	fs->window_len = MIN(fs->base_len + (ms.cap_pages + 1) * MM_PAGE_LEN, WINDOW_MAX_LEN);
	base = mmap(NULL, fs->window_len, PROT_READ, MAP_SHARED, host.fd, 0);
	if (base == MAP_FAILED)
		return;
	fs->window = base;
	fs->window_fd = host.fd;
}

void window_close(struct fs *fs)
{
	if (fs->window_fd >= 0)
		munmap(fs->window, fs->window_len);
}

/* The next piece of a memory in the mapped file; 0 bytes: it is not there. Image pinned. */
static uint64_t mapped_piece(struct fs *fs, const struct node *node, uint64_t off, uint64_t len,
			     uint64_t *host_off)
{
	struct store_host host;
	struct mm_extent x;

	if (mm_extent_at(fs->mm, node->mm_id, off, len, &x))
		return 0;
	host = store_host_at(fs->store, x.image_off);
	if (host.fd != fs->window_fd || host.off >= fs->window_len)
		return 0;
	*host_off = host.off;
	return MIN(MIN(x.len, host.len), fs->window_len - host.off);
}

/* The bytes of a piece: in the mapping, or zeros. Shortens it where data and holes meet. False: the
 * host does not tell. Image pinned. */
static bool piece_bytes(struct fs *fs, uint64_t host_off, uint64_t *len, char **bytes)
{
	uint64_t start, end;

	/* The window is the image's file from its beginning: the store's offsets are the file's. */
	if (store_next_data(fs->whole, host_off, &start, &end, NULL))
		return false;
	*bytes = start > host_off ? zeros : fs->window + host_off;
	*len = MIN(*len,
		   start > host_off ? MIN(start - host_off, (uint64_t)ZEROS_LEN) : end - host_off);
	return *len > 0;
}

/* Large requests, near each other, are the kernel's read-ahead for one reader. They need not come
 * in order: several workers take them. */
static bool is_sequential(const struct node *node, uint64_t off, uint64_t end)
{
	uint64_t last = node->read_end;
	uint64_t distance = off > last ? off - last : last - off;

	return off > 0 && end - off >= SEQUENTIAL_LEN && distance <= AHEAD_LEN / 2;
}

/* Once per AHEAD_LEN / 2 of a sequential read: asks the host for what comes next, bucket by bucket,
 * since the kernel's own read-ahead stops where a bucket ends. Image pinned. */
static void read_ahead(struct fs *fs, struct node *node, uint64_t off, uint64_t end)
{
	uint64_t size_len = node->size_len;
	uint64_t ahead = node->ahead_off;
	uint64_t stop = MIN(end + AHEAD_LEN, size_len);
	bool sequential = is_sequential(node, off, end);

	node->read_end = end;
	if (!sequential)
		return;
	if (ahead > stop)
		ahead = 0; /* a reader that came further, and began again */
	if ((ahead > end && ahead - end > AHEAD_LEN / 2) || ahead >= size_len)
		return;
	ahead = MAX(ahead, end);
	while (ahead < stop) {
		uint64_t host_off;
		uint64_t len = mapped_piece(fs, node, ahead, stop - ahead, &host_off);

		if (len == 0 ||
		    posix_fadvise(fs->window_fd, (off_t)host_off, (off_t)len, POSIX_FADV_WILLNEED))
			break;
		ahead += len;
	}
	node->ahead_off = ahead;
}

/* What answers a read: pieces of the mapping, or a copy. */
struct answer {
	struct iovec iov[PIECES_MAX];
	int count;
	bool mapped; /* the image is pinned until the answer is sent */
};

/* False: some of the range is not in the mapping. */
static bool collect_mapped(struct fs *fs, struct node *node, size_t size, uint64_t off,
			   struct answer *answer)
{
	uint64_t size_len = node->size_len;
	size_t len = off < size_len ? MIN((uint64_t)size, size_len - off) : 0;
	size_t done = 0;

	answer->count = 0;
	while (done < len) {
		uint64_t host_off;
		uint64_t piece = mapped_piece(fs, node, off + done, len - done, &host_off);
		char *bytes;

		if (piece == 0 || answer->count == PIECES_MAX ||
		    !piece_bytes(fs, host_off, &piece, &bytes))
			return false;
		answer->iov[answer->count++] = (struct iovec){bytes, piece};
		done += piece;
	}
	read_ahead(fs, node, off, off + len);
	return true;
}

/* A buffer of each worker's own, as large as its largest request so far. */
static _Thread_local struct {
	char *buf;
	size_t len;
} worker;
static pthread_key_t worker_key; /* frees it when the thread ends */
static pthread_once_t worker_once = PTHREAD_ONCE_INIT;

static void make_worker_key(void)
{
	pthread_key_create(&worker_key, free);
}

static char *worker_buffer(size_t len)
{
	if (worker.len < len) {
		pthread_once(&worker_once, make_worker_key);
		free(worker.buf);
		worker.buf = malloc(len);
		worker.len = worker.buf ? len : 0;
		pthread_setspecific(worker_key, worker.buf);
	}
	return worker.buf;
}

static int collect_copied(struct fs *fs, struct node *node, size_t size, uint64_t off,
			  struct answer *answer, struct err *err)
{
	char *buf = worker_buffer(size);
	size_t got = 0;
	int rc = buf ? content_read(fs, node, buf, size, off, &got, err) : -ENOMEM;

	answer->iov[0] = (struct iovec){buf, got};
	answer->count = 1;
	return rc;
}

/* Before the image is pinned: who counts waits for nobody who holds that. */
static void count_read(struct fs *fs, const struct node *node, size_t size, uint64_t off)
{
	uint64_t size_len = node->size_len;

	if (fs->account && node->kind == NODE_MEMORY && off < size_len)
		account_read(fs, node->mm_id, off, MIN((uint64_t)size, size_len - off));
}

static int collect(struct fs *fs, struct node *node, size_t size, uint64_t off,
		   struct answer *answer, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&node->lock);

	count_read(fs, node, size, off);
	answer->mapped = false;
	if (node->kind == NODE_MEMORY && fs->window_fd >= 0 && !node->unwritten.any) {
		mm_pin(fs->mm);
		answer->mapped = collect_mapped(fs, node, size, off, answer);
		if (answer->mapped)
			return 0;
		mm_unpin(fs->mm);
	}
	return collect_copied(fs, node, size, off, answer, err);
}

/* Once it is answered, the node may be forgotten by another worker: it is not touched after. */
void file_read(fuse_req_t req, fuse_ino_t ino, struct node *node, size_t size, off_t off)
{
	struct fs *fs = fs_of(req);
	struct err err = {""};
	struct answer answer;
	int rc;

	rc = collect(fs, node, size, (uint64_t)off, &answer, &err);
	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_iov(req, answer.iov, answer.count);
	if (answer.mapped)
		mm_unpin(fs->mm);
}
