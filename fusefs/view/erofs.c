// SPDX-License-Identifier: MIT
/*
 * Writes an EROFS file system: block 0 has the superblock and the one device, block 1 the
 * directory, and from block 2 on stand the inodes, each with the chunks of its file behind it. It
 * needs a kernel that knows chunk-based files and further devices, which is Linux 5.16.
 */
#include "fusefs/view/erofs.h"

#include <stdio.h>
#include <sys/stat.h>

enum {
	SUPER_OFF = 1024,
	SUPER_MAGIC = 0xe0f5e1e2 - (1ll << 32), /* as an int */
	INCOMPAT_CHUNKED_FILE = 4,
	INCOMPAT_DEVICE_TABLE = 8,

	DEVICE_SLOT_LEN = 128,
	DEVICE_SLOT = 9, /* right behind the superblock */

	DIR_OFF = EROFS_BLOCK_LEN,
	DIRENT_LEN = 12,
	DOTS = 2,
	TYPE_FILE = 1,
	TYPE_DIR = 2,

	INODES_OFF = 2 * EROFS_BLOCK_LEN,
	INODE_LEN = 64, /* of the extended form */
	NID_LEN = 32,   /* an inode's number counts these from the beginning */
	FORMAT_FLAT = 1,
	FORMAT_CHUNKED = 9,
	CHUNK_INDEXES = 32, /* the chunks are described by 8 bytes each, with their device */
	CHUNK_LEN = 8,
};

static uint64_t chunks_of(const struct erofs_file *file)
{
	return div_up(file->len, (uint64_t)EROFS_BLOCK_LEN << file->chunk_bits);
}

static uint64_t room_of(const struct erofs_file *file)
{
	return div_up(INODE_LEN + chunks_of(file) * CHUNK_LEN, INODE_LEN) * INODE_LEN;
}

static uint32_t blocks_of(uint64_t len)
{
	return (uint32_t)div_up(len, EROFS_BLOCK_LEN);
}

static void put_super(uint8_t *image, uint64_t image_len, unsigned inodes, uint64_t device_len)
{
	uint8_t *super = image + SUPER_OFF;
	uint8_t *slot = image + DEVICE_SLOT * DEVICE_SLOT_LEN;

	put_le32(super, (uint32_t)SUPER_MAGIC);
	super[12] = EROFS_BLOCK_BITS;
	put_le16(super + 14, INODES_OFF / NID_LEN); /* the root directory is the first inode */
	put_le64(super + 16, inodes);
	put_le32(super + 36, blocks_of(image_len));
	put_le32(super + 80, INCOMPAT_CHUNKED_FILE | INCOMPAT_DEVICE_TABLE);
	put_le16(super + 86, 1);
	put_le16(super + 88, DEVICE_SLOT);
	put_le32(slot + 64, blocks_of(device_len));
}

static void put_inode(uint8_t *inode, unsigned format, mode_t mode, uint64_t len, uint32_t where,
		      uint32_t number, uint32_t links)
{
	put_le16(inode, (uint16_t)format);
	put_le16(inode + 4, (uint16_t)mode);
	put_le64(inode + 8, len);
	put_le32(inode + 16, where);
	put_le32(inode + 20, number);
	put_le32(inode + 44, links);
}

static void put_chunks(uint8_t *at, const struct erofs_file *file)
{
	for (uint64_t i = 0; i < chunks_of(file); i++, at += CHUNK_LEN) {
		put_le16(at + 2, 1); /* the first device */
		put_le32(at + 4, file->block[i]);
	}
}

struct name {
	char text[12];
	uint64_t nid;
	uint8_t type;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* The kernel searches by halves: entries are sorted as strings. Returns the directory's length. */
static uint64_t put_directory(uint8_t *dir, struct name *name, unsigned count)
{
	size_t at = (size_t)count * DIRENT_LEN;

	qsort(name, count, sizeof(*name), compare_names);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *entry = dir + (size_t)i * DIRENT_LEN;
		size_t len = strlen(name[i].text);

		put_le64(entry, name[i].nid);
		put_le16(entry + 8, (uint16_t)at);
		entry[10] = name[i].type;
		memcpy(dir + at, name[i].text, len);
		at += len;
	}
	return at;
}

static void put_files(uint8_t *image, const struct erofs_file *file, unsigned count,
		      struct name *name)
{
	uint64_t off = INODES_OFF + INODE_LEN;

	for (unsigned i = 0; i < count; i++) {
		put_inode(image + off, FORMAT_CHUNKED, S_IFREG | 0400, file[i].len,
			  CHUNK_INDEXES | file[i].chunk_bits, (uint32_t)(off / NID_LEN), 1);
		put_chunks(image + off + INODE_LEN, &file[i]);
		name[i] = (struct name){.nid = off / NID_LEN, .type = TYPE_FILE};
		snprintf(name[i].text, sizeof(name[i].text), "%u", file[i].number);
		off += room_of(&file[i]);
	}
}

int erofs_write(int fd, const struct erofs_file *file, unsigned count, uint64_t device_len,
		struct err *err)
{
	const uint64_t root = INODES_OFF / NID_LEN;
	struct name names[EROFS_FILES_MAX + DOTS] = {{".", root, TYPE_DIR}, {"..", root, TYPE_DIR}};
	uint64_t len = INODES_OFF + INODE_LEN;
	uint64_t dir_len;
	auto_free uint8_t *image = NULL;
	int rc;

	for (unsigned i = 0; i < count; i++)
		len += room_of(&file[i]);
	len = div_up(len, EROFS_BLOCK_LEN) * EROFS_BLOCK_LEN;
	image = calloc(1, len);
	if (!image)
		return err_set(err, -ENOMEM, "no memory for a view of the image");
	put_super(image, len, count + 1, device_len);
	put_files(image, file, count, names + DOTS);
	dir_len = put_directory(image + DIR_OFF, names, count + DOTS);
	put_inode(image + INODES_OFF, FORMAT_FLAT, S_IFDIR | 0500, dir_len,
		  DIR_OFF / EROFS_BLOCK_LEN, (uint32_t)root, 2);
	rc = pwrite_all(fd, image, len, 0);
	return rc ? err_sys(err, rc, "a view of the image cannot be written") : 0;
}
