/* FNV-1a, the hash of texts in both programs: quick to write, good enough for tables. Not a checksum (crc32c.h is). */
#ifndef SLABREC_TRACE_HASH_H
#define SLABREC_TRACE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* What hashes begin with; a hash goes on where the one before it ended. */
#define HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_byte(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size_bytes)
{
	for (const uint8_t *at = bytes; size_bytes--; at++)
		hash = hash_byte(hash, *at);
	return hash;
}

static inline uint64_t hash_text(uint64_t hash, const char *text)
{
	while (*text)
		hash = hash_byte(hash, (uint8_t)*text++);
	return hash;
}

#endif
