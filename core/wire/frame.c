#include "core/wire/frame.h"

_Static_assert(sizeof(FrameHeader) == 24, "the header goes over the socket as it lies in memory");

// Mixing steps of splitmix64: any changed bit changes about half of the check.
static uint64_t mix(uint64_t n) {
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
    n = (n ^ (n >> 27)) * 0x94d049bb133111ebu;
    return n ^ (n >> 31);
}

static uint32_t check_of(const FrameHeader *header) {
    uint64_t sum =
        mix((uint64_t)header->handles << 24 | (uint64_t)header->kind << 16 | header->attempt);
    sum = mix(sum + header->size);
    sum = mix(sum + header->task);
    return (uint32_t)(sum | 1); // never zero: a run of zeros is no header
}

void frame_seal(FrameHeader *header) {
    header->check = check_of(header);
}

bool frame_is_sound(const FrameHeader *header) {
    return header->check == check_of(header);
}
