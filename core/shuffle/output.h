/* Output - what a reduce task leaves: records in the order that the job asks for.
 *
 * The key of such a record is what it sorts by: a rank made from the value or
 * the key (none when the order is that of keys), then the key itself, so that
 * equal values stand in the order of their keys and a plain Merge of several
 * outputs is in the order of the job. The body is the length of the rank, as
 * a varint, and the payload: value bytes, or text.
 *
 * Records that come in order are written at once. Others are gathered, and
 * written as a sorted chunk when they fill some memory; of `top` records only
 * those are kept that may still be among the first. An output's descriptor is
 *
 *     1 when payloads are text | number of chunks | chunk | chunk ...
 *
 * in varints; a chunk is a descriptor and a region. */
#ifndef PARALLEL_LUA_SHUFFLE_OUTPUT_H
#define PARALLEL_LUA_SHUFFLE_OUTPUT_H

#include "core/shuffle/narrow.h"

typedef struct {
    bool by_value; // else by key
    bool desc;
    uint64_t top; // 0: all
} Order;

typedef struct {
    Order order;
    bool text; // payloads are text; set by whoever opens the output
    Depot *depot;
    size_t memory; // for what is gathered, and for merging chunks
    Writer writer;
    Buffer chunks;    // of Source: those written
    uint64_t written; // records in them
    Buffer rank;      // of the record at hand: what it sorts by
    size_t rank_size; // how much of that is in front of the key
    Buffer body;
    Buffer last;    // what the record written last sorts by, or the last one of the top
    Buffer records; // gathered
    uint64_t count; // of those
    bool gathering;
} Output;

/* All zero is a closed output. The depot must live as long. 0, or -1 with errno. */
int output_open(Output *output, Depot *depot, size_t memory, Order order);

/* Takes the next record's key and value: 1 when output_put is to follow, 0 when
 * the record is not among the top, -1 with errno: EINVAL when values of this
 * kind have no order. */
int output_offer(Output *output, const char *key, size_t key_size, const char *value, size_t size);
int output_put(Output *output, const char *payload, size_t size);

/* True when nothing that could still come would be kept. */
bool output_full(const Output *output);

/* The number of records so far; with `top`, some of them may still go. */
uint64_t output_count(const Output *output);

/* Writes what was gathered, merges chunks when there are more than one process can merge at
 * once, and appends the descriptor. 0, or -1 with errno. */
int output_finish(Output *output, Buffer *descriptor);

void output_close(Output *output);

#endif
