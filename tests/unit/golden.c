// SPDX-License-Identifier: MIT
/* Owns finding, unpacking and parsing what tests/data holds. */
#include "tests/unit/golden.h"

#include <dirent.h>
#include <stdio.h>
#include <zlib.h>

#include "tests/unit/stores.h"

static char *data_path(const char *name, const char *suffix)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s%s", TEST_DATA, name, suffix) > 0);
	return path;
}

struct store *golden_image(const char *name)
{
	auto_free char *path = data_path(name, ".img.gz");
	auto_free uint8_t *bytes = NULL;
	size_t len = 0, cap = 0;
	gzFile gz = gzopen(path, "rb");
	int got;

	assert_non_null(gz);
	do {
		if (cap - len < 1 << 20) {
			cap = MAX(1 << 22, cap * 2);
			bytes = realloc(bytes, cap);
			assert_non_null(bytes);
		}
		got = gzread(gz, bytes + len, 1 << 20);
		assert_true(got >= 0);
		len += (size_t)got;
	} while (got > 0);
	assert_int_equal(gzclose(gz), Z_OK);
	return mem_store_new(bytes, len);
}

json_t *golden_manifest(const char *name)
{
	auto_free char *path = data_path(name, ".json");
	json_t *manifest = json_load_file(path, 0, NULL);

	assert_non_null(manifest);
	return manifest;
}

static int is_manifest(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".json") == 0;
}

char **golden_names(void)
{
	struct dirent **entries;
	int n = scandir(TEST_DATA, &entries, is_manifest, alphasort);
	char **names;

	assert_true(n > 0);
	names = calloc((size_t)n + 1, sizeof(*names));
	assert_non_null(names);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		names[i] = strndup(name, strlen(name) - strlen(".json"));
		free(entries[i]);
	}
	free(entries);
	return names;
}

void golden_names_free(char **names)
{
	for (size_t i = 0; names[i]; i++)
		free(names[i]);
	free(names);
}
