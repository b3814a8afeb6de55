// SPDX-License-Identifier: MIT
/*
 * version: which canisterfs this is and what it was built with.
 */
#include "tools/cmd/cmd.h"
#include "tools/out/json.h"

#ifdef HAVE_FUSE
#define HAS_MOUNT true
#else
#define HAS_MOUNT false
#endif

#ifdef HAVE_TOML
#define HAS_NAMES true
#else
#define HAS_NAMES false
#endif

struct version_args {
	bool json;
};

static const struct cmd_option options[] = {
	{"json", 0, CMD_FLAG, WHERE(struct version_args, json), NULL, "print one JSON document"},
	{NULL},
};

/* As the build found them. */
static const struct library {
	const char *name, *version;
} libraries[] = {CANISTERFS_LIBRARIES};

static int print_text(void)
{
	printf("canisterfs %s\n"
	       "mount:       %s\n"
	       "names files: %s\n"
	       "built with:  ",
	       CANISTERFS_VERSION, HAS_MOUNT ? "yes" : "no", HAS_NAMES ? "yes" : "no");
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
		printf("%s%s %s", i ? ", " : "", libraries[i].name, libraries[i].version);
	putchar('\n');
	return CMD_DONE;
}

static json_t *libraries_json(struct json *doc)
{
	json_t *object = json_object();

	for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
		json_put(doc, object, libraries[i].name, json_string(libraries[i].version));
	return object;
}

static int cmd_version(const void *arguments)
{
	const struct version_args *args = arguments;
	struct json doc;

	if (!args->json)
		return print_text();
	doc = json_begin();
	json_put(&doc, doc.root, "version", json_string(CANISTERFS_VERSION));
	json_put(&doc, doc.root, "mount", json_boolean(HAS_MOUNT));
	json_put(&doc, doc.root, "names", json_boolean(HAS_NAMES));
	json_put(&doc, doc.root, "libraries", libraries_json(&doc));
	return json_print(&doc);
}

const struct verb verb_version = {
	.name = "version",
	.summary = "say which canisterfs this is",
	.text = "Prints the version, whether this program can mount and read names files, and the\n"
		"libraries that it was built with.",
	.options = options,
	.args_len = sizeof(struct version_args),
	.run = cmd_version,
};
