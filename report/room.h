/* Arrays that grow by doubling. */
#ifndef SLABREC_REPORT_ROOM_H
#define SLABREC_REPORT_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/*
 * Makes room for the element of that index. array: the address of a pointer to elements, from malloc() or NULL; *capacity: how many there are
 * room for, 0 at first. New room is all-zero. False without memory: then nothing has changed.
 */
bool room_for(void *array, uint32_t index, uint32_t *capacity, size_t element_bytes);

/* The same in an arena, for more elements behind the used ones; the older array goes with the arena. */
bool room_in_arena(struct arena *arena, void *array, uint32_t used, uint32_t more, uint32_t *capacity, size_t element_bytes);

#endif
