/* Records - the loop over the records of a split, in C: core.map_split. */
#ifndef PARALLEL_LUA_LUA_RECORDS_H
#define PARALLEL_LUA_LUA_RECORDS_H

#include "core/lua/compat.h"

/* core.reader() -> reader
 *     A buffer and a descriptor, to be used for one split after the other;
 *     reader:close() closes the file that a failed map left open.
 *
 * core.map_split(reader, split, map, emit, info, progress) -> records, bytes
 *     Calls map(record, emit, info) for each record of the split, a table with
 *     path, offset (default 0), length (default: all the rest), records (the
 *     kind, default "line"), block (the least size of one, for that kind) and
 *     index. With a field fd it is read from this descriptor instead, to its
 *     end, and path is but its name; with a field piece, from that place of this
 *     descriptor, where a record begins. A path that ends with .gz or .zst is
 *     read through gzip or zstd. info gets the path and the index, and,
 *     if map takes a third argument, the offset of each record. progress, when
 *     given, is a light userdata: an aligned uint64_t to which the number of
 *     bytes mapped is added as the loop goes on, for another process to read.
 *     Returns how many records there were and how many bytes they took with
 *     their separators. Raises "cannot read 'PATH': REASON", or whatever map
 *     raises, as it is.
 *
 * core.open_split(reader, split)
 *     Opens it, for the next map_split to go on with, after
 *
 * core.take_lines(reader, path, count) -> lines, position
 *     has taken so many lines off its front: a list, and the offset behind them.
 *
 * core.splits(records) -> boolean
 *     Whether a file of such records may be mapped in several splits. */
void records_register(lua_State *L);

#endif
