/*
 * Many small pieces of memory that grow one by one and go together: no headers, no holes that are given back one at a time.
 */
#ifndef SLABREC_TRACE_POOL_H
#define SLABREC_TRACE_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Sizes up to 512 bytes in steps of 8, then by powers of two up to POOL_PIECE_MAX; larger pieces are not used again. */
#define POOL_CLASSES 69u
#define POOL_PIECE_MAX 16384u

struct pool_block;
struct pool_piece;

/* All-zero is an empty pool. It may be moved. */
struct pool {
	struct pool_block *blocks;
	uint8_t *at;	   /* what is left of the first block */
	size_t left_bytes;
	uint32_t block_count;
	struct pool_piece *unused[POOL_CLASSES];
};

void pool_release(struct pool *pool);
/* A zeroed piece, aligned to 16 bytes from 512 bytes on, to 8 below. NULL without memory. */
void *pool_take(struct pool *pool, size_t size_bytes);
/* The same piece larger, perhaps elsewhere; what is new of it is zeroed. NULL piece: size_bytes is 0. NULL without memory; the piece is still there then. */
void *pool_grow(struct pool *pool, void *piece, size_t size_bytes, size_t grown_bytes);
/* Gives a piece of that size back to the pool. */
void pool_give(struct pool *pool, void *piece, size_t size_bytes);

#endif
