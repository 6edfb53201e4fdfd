#include "core/pool/ledger.h"

// Polynomial in an odd number, so that any single change shows, and so that the
// sum of a whole does not depend on the pieces in which it was added up.
static uint64_t add_up(uint64_t sum, const char *bytes, size_t size) {
    const uint64_t P = 0x9e3779b97f4a7c15u, P2 = P * P, P3 = P2 * P, P4 = P2 * P2;
    const unsigned char *at = (const unsigned char *)bytes, *end = at + size;
    for (; end - at >= 4; at += 4) sum = sum * P4 + at[0] * P3 + at[1] * P2 + at[2] * P + at[3];
    for (; at < end; at++) sum = sum * P + *at;
    return sum;
}

static uint64_t first_sum(uint64_t task) {
    return ~task;
}

static void mark(Ledger *ledger) {
    LedgerPage *page = ledger->page;
    ledger->turn = !ledger->turn;
    page->marks[ledger->turn] = (LedgerMark){ledger->size, ledger->sum};
    atomic_store_explicit(&page->turn, ledger->turn, memory_order_release);
}

void ledger_begin(Ledger *ledger, uint64_t task) {
    ledger->task = task;
    ledger->size = 0;
    ledger->sum = first_sum(task);
    mark(ledger);
}

void ledger_commit(Ledger *ledger, size_t size) {
    ledger->sum = add_up(ledger->sum, ledger_tail(ledger), size);
    ledger->size += size;
    mark(ledger);
}

size_t ledger_read(const LedgerPage *page, size_t capacity, uint64_t task) {
    uint32_t turn = atomic_load_explicit(&page->turn, memory_order_acquire);
    if (turn > 1) return 0;
    LedgerMark last = page->marks[turn];
    if (last.size > capacity) return 0;
    return add_up(first_sum(task), page->bytes, last.size) == last.sum ? last.size : 0;
}
