/* SPDX-License-Identifier: MIT */
/* TOML, by toml++, which is C++: the one file of it here is toml.cc. */
#ifndef CANISTERFS_TOML_H
#define CANISTERFS_TOML_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The same as JSON text, for free(); NULL: `why` says so, with the line. */
char *toml_to_json(const char *toml, size_t len, char *why, size_t why_len);

#ifdef __cplusplus
}
#endif

#endif
