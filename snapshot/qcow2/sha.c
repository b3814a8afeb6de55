// SPDX-License-Identifier: MIT
/*
 * Owns one digest context. Nothing here can fail but for want of memory, and the object remembers
 * that until sha_end, so that callers check once. No locks: an object belongs to one thread.
 */
#include "snapshot/qcow2/sha.h"

#include <openssl/evp.h>
#include <stdio.h>

struct sha {
	EVP_MD *method; /* fetched once: a look-up by name costs as much as hashing a kilobyte */
	EVP_MD_CTX *context;
	bool failed;
};

int sha_new(struct sha **out)
{
	struct sha *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->method = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->context = EVP_MD_CTX_new();
	if (!s->method || !s->context) {
		sha_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void sha_free(struct sha *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->context);
	EVP_MD_free(s->method);
	free(s);
}

void sha_begin(struct sha *s)
{
	s->failed = !EVP_DigestInit_ex2(s->context, s->method, NULL);
}

void sha_add(struct sha *s, const void *buf, size_t len)
{
	if (!s->failed && !EVP_DigestUpdate(s->context, buf, len))
		s->failed = true;
}

int sha_end(struct sha *s, uint8_t *hash)
{
	if (s->failed || !EVP_DigestFinal_ex(s->context, hash, NULL))
		return -EIO;
	return 0;
}

int sha_of(struct sha *s, const void *buf, size_t len, uint8_t *hash)
{
	sha_begin(s);
	sha_add(s, buf, len);
	return sha_end(s, hash);
}

const char *sha_text(const uint8_t *hash, char *text)
{
	for (int i = 0; i < SHA_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return text;
}
