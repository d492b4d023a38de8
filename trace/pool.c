/* Cuts pieces from blocks; what was given back waits in a list of its size. */
#include "trace/pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STEP_BYTES 8u
#define STEPS 64u
/* Under the sanitizer each piece is a block of the C library's, of which it knows where it ends. */
#ifdef __SANITIZE_ADDRESS__
#define BLOCK_BYTES 0u
#else
#define BLOCK_BYTES (256u << 10)
#endif
#define SMALL_BLOCKS 8u
#define HUGE_PAGE_BYTES ((size_t)2 << 20)

struct pool_block {
	struct pool_block *next;
	size_t size_bytes;
};

struct pool_piece {
	struct pool_piece *next;
};

/* The list of pieces that large, POOL_CLASSES where there is none; size_bytes becomes the whole of the piece. */
static uint32_t pool_class(size_t *size_bytes)
{
	if (*size_bytes <= STEPS * STEP_BYTES) {
		*size_bytes = *size_bytes ? (*size_bytes + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES : STEP_BYTES;
		return (uint32_t)(*size_bytes / STEP_BYTES) - 1;
	}
	for (uint32_t class = STEPS; class < POOL_CLASSES; class++)
		if (*size_bytes <= (size_t)2 * STEPS * STEP_BYTES << (class - STEPS)) {
			*size_bytes = (size_t)2 * STEPS * STEP_BYTES << (class - STEPS);
			return class;
		}
	return POOL_CLASSES;
}

/* Zeroed memory of its own; straight from the kernel, so that it goes back there at once. */
static void *map(size_t size_bytes)
{
#ifdef __SANITIZE_ADDRESS__
	return calloc(1, size_bytes);
#else
	void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
#endif
}

static void unmap(void *memory, size_t size_bytes)
{
#ifdef __SANITIZE_ADDRESS__
	(void)size_bytes;
	free(memory);
#else
	munmap(memory, size_bytes);
#endif
}

void pool_release(struct pool *pool)
{
	if (!pool)
		return;
	while (pool->blocks) {
		struct pool_block *next = pool->blocks->next;

		unmap(pool->blocks, pool->blocks->size_bytes);
		pool->blocks = next;
	}
	*pool = (struct pool){0};
}

/* A huge page, which is one fault instead of 512; small pages where the kernel gives none. */
static void *map_huge(void)
{
	uint8_t *memory = map(2 * HUGE_PAGE_BYTES);
	size_t before = memory ? -(uintptr_t)memory & (HUGE_PAGE_BYTES - 1) : 0;

	if (!memory)
		return NULL;
	if (before)
		munmap(memory, before);
	munmap(memory + before + HUGE_PAGE_BYTES, HUGE_PAGE_BYTES - before);
	madvise(memory + before, HUGE_PAGE_BYTES, MADV_HUGEPAGE);
	return memory + before;
}

static void *block_new(struct pool *pool, size_t size_bytes)
{
	size_t whole = size_bytes + sizeof(struct pool_block);
	struct pool_block *block = BLOCK_BYTES != 0 && whole == HUGE_PAGE_BYTES ? map_huge() : map(whole);

	if (!block)
		return NULL;
	*block = (struct pool_block){.next = pool->blocks, .size_bytes = whole};
	pool->blocks = block;
	return block + 1;
}

void *pool_take(struct pool *pool, size_t size_bytes)
{
	uint32_t class = pool_class(&size_bytes);

	if (class < POOL_CLASSES && pool->unused[class]) {
		struct pool_piece *piece = pool->unused[class];

		pool->unused[class] = piece->next;
		return memset(piece, 0, size_bytes);
	}
	if (size_bytes > BLOCK_BYTES / 4)
		return block_new(pool, size_bytes);
	if (size_bytes > pool->left_bytes) {
		/* What takes much will take more. */
		size_t block_bytes = pool->block_count++ < SMALL_BLOCKS ? BLOCK_BYTES : HUGE_PAGE_BYTES - sizeof(struct pool_block);
		void *block = block_new(pool, block_bytes);

		if (!block)
			return NULL;
		pool->at = block;
		pool->left_bytes = block_bytes;
	}
	void *piece = pool->at;
	pool->at += size_bytes;
	pool->left_bytes -= size_bytes;
	return piece;
}

void pool_give(struct pool *pool, void *piece, size_t size_bytes)
{
	uint32_t class = piece ? pool_class(&size_bytes) : POOL_CLASSES;
	struct pool_piece *given = piece;

	if (class == POOL_CLASSES)
		return;
	given->next = pool->unused[class];
	pool->unused[class] = given;
}

void *pool_grow(struct pool *pool, void *piece, size_t size_bytes, size_t grown_bytes)
{
	void *grown = pool_take(pool, grown_bytes);

	if (!grown || !piece)
		return grown;
	memcpy(grown, piece, size_bytes);
	pool_give(pool, piece, size_bytes);
	return grown;
}
