/*
 * A trace as text, one line per thing it says. contrib/slabdump writes the same lines from an independent reader.
 * Dictionary entries stand before the first record that was read after them: strings, modules, caches, files, frames,
 * nodes, tasks, each by rising id. Names that user frames got later are the user_symbol lines in front of the last
 * line.
 *
 *   string ID "bytes"                    bytes outside of 0x20-0x7e as \xNN, \" and \\
 *   module ID "name" text=0xA size=N build_id=HEX
 *   cache ID "name" requested="" aliases="" object_size=N slab_size=N per_slab=N order=N align=N
 *   file ID "path" build_id=HEX
 *   frame ID kernel 0xA symbol="" +0xN module=ID
 *   frame ID user file=ID +0xN
 *   node ID parent=ID frame=ID
 *   task ID pid=N tid=N comm=""
 *   event alloc t=N cpu=N task=ID stack=ID cache=ID req=N gfp=0xN node=N object=N
 *   event free|free_implied t=N cpu=N task=ID stack=ID object=N
 *   event free_older t=N cpu=N task=ID stack=ID cache=ID
 *   fact "key"="value"
 *   counter "key"=N
 *   note "text"
 *   census t=N cache=ID phase=start|interval|end active=N total=N slabs=N
 *   meminfo t=N phase=start|interval|end reclaimable=N unreclaimable=N
 *   loss t=N cpu=N ring=allocs|frees|tasks lost=N
 *   probe "event" function="" role="" definition="" filter="" hits=N misses=N|- lost=N|- [passed=N] [witnessed]
 *   probe_cpu "event" cpu=N passed=N lost=N|-
 *   unseen from=N t=N cpu=N
 *   unseen from=N t=N missed by "event" at_most=N
 *   live object=N address=0xA
 *   totals t=N events=N allocs=N
 *   user_symbol frame=ID "name" +0xN
 *   end complete | end cut at byte N | end damaged at byte N | end limit (too much in it) | end refused (no trace)
 */
#ifndef SLABREC_TESTS_LINES_H
#define SLABREC_TESTS_LINES_H

#include <stdio.h>

#include "trace/error.h"
#include "trace/reader.h"

/*
 * Reads the trace to its end and prints its lines. Returns how it ended, or a negative errno with the sentence in err;
 * the last line is printed in both cases.
 */
int lines_print(FILE *out, struct trace_reader *reader, struct error *err);

#endif
