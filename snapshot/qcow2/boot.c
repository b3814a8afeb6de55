// SPDX-License-Identifier: MIT
/*
 * Asks the kernel which boot this is. See boot.h.
 */
#include "snapshot/qcow2/boot.h"

#include <ctype.h>
#include <fcntl.h>

/* "01234567-89ab-..." into 16 bytes. */
static bool parse_uuid(const char *text, size_t len, uint8_t *out)
{
	size_t digits = 0;

	for (size_t i = 0; i < len && digits < 2 * BOOT_ID_LEN; i++) {
		int c = tolower((unsigned char)text[i]);

		if (!isxdigit(c))
			continue;
		c = isdigit(c) ? c - '0' : c - 'a' + 10;
		out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | c);
		digits++;
	}
	return digits == 2 * BOOT_ID_LEN;
}

void boot_id(uint8_t *id)
{
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	memset(id, 0, BOOT_ID_LEN);
	if (n < 0 || !parse_uuid(text, (size_t)n, id))
		memset(id, 0, BOOT_ID_LEN);
}

bool boot_is_this(const uint8_t *id)
{
	uint8_t now[BOOT_ID_LEN];

	boot_id(now);
	return !is_zero(now, sizeof(now)) && memcmp(now, id, sizeof(now)) == 0;
}
