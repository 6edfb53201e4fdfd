#include "core/shuffle/sort.h"

#include <stdbool.h>

#include "core/shuffle/ordered.h"

enum { FEW = 12 };

int sort_compare(const SortItem *a, const SortItem *b) {
    if (a->prefix != b->prefix) return a->prefix < b->prefix ? -1 : 1;
    return ordered_compare(a->key, a->size, b->key, b->size);
}

static inline bool before(const SortItem *a, const SortItem *b) {
    return sort_compare(a, b) < 0;
}

static inline void swap(SortItem *a, SortItem *b) {
    SortItem kept = *a;
    *a = *b;
    *b = kept;
}

static void insertion_sort(SortItem *items, size_t count) {
    for (size_t i = 1; i < count; i++) {
        SortItem item = items[i];
        size_t j = i;
        for (; j > 0 && before(&item, &items[j - 1]); j--) items[j] = items[j - 1];
        items[j] = item;
    }
}

static void sift_down(SortItem *items, size_t at, size_t count) {
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(&items[child], &items[child + 1])) child++;
        if (!before(&items[at], &items[child])) return;
        swap(&items[at], &items[child]);
    }
}

static void heap_sort(SortItem *items, size_t count) {
    for (size_t i = count / 2; i-- > 0;) sift_down(items, i, count);
    for (size_t end = count; end-- > 1;) {
        swap(&items[0], &items[end]);
        sift_down(items, 0, end);
    }
}

// The median of first, middle and last becomes the first.
static void choose_pivot(SortItem *items, size_t count) {
    SortItem *middle = &items[count / 2], *last = &items[count - 1];
    if (before(middle, items)) swap(middle, items);
    if (before(last, items)) swap(last, items);
    if (before(last, middle)) swap(last, middle);
    swap(items, middle);
}

// Splits around the first item; returns where it then stands.
static size_t partition(SortItem *items, size_t count) {
    size_t low = 0, high = count;
    for (;;) {
        while (before(&items[++low], &items[0]) && low < count - 1) {}
        while (before(&items[0], &items[--high])) {}
        if (low >= high) break;
        swap(&items[low], &items[high]);
    }
    swap(&items[0], &items[high]);
    return high;
}

// Quicksort that gives up on inputs made to slow it down.
static void sort_within(SortItem *items, size_t count, unsigned patience) {
    while (count > FEW) {
        if (!patience--) {
            heap_sort(items, count);
            return;
        }
        choose_pivot(items, count);
        size_t pivot = partition(items, count);
        sort_within(items + pivot + 1, count - pivot - 1, patience);
        count = pivot;
    }
    insertion_sort(items, count);
}

void sort_items(SortItem *items, size_t count) {
    unsigned patience = 8;
    for (size_t n = count; n; n >>= 1) patience += 2;
    sort_within(items, count, patience);
}

static bool ascending(const uint32_t *numbers, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (numbers[i - 1] >= numbers[i]) return false;
    return true;
}

static void sort_few(uint32_t *numbers, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint32_t number = numbers[i];
        size_t j = i;
        for (; j > 0 && number < numbers[j - 1]; j--) numbers[j] = numbers[j - 1];
        numbers[j] = number;
    }
}

// One pass of a radix sort, by the byte at `shift`.
static void sort_by_byte(const uint32_t *from, uint32_t *to, size_t count, unsigned shift) {
    size_t places[256] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++) places[from[i] >> shift & 255]++;
    for (unsigned byte = 0; byte < 256; byte++) {
        size_t here = places[byte];
        places[byte] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++) to[places[from[i] >> shift & 255]++] = from[i];
}

static int sort_many(uint32_t *numbers, size_t count, Buffer *scratch) {
    buffer_clear(scratch);
    if (buffer_reserve(scratch, count * sizeof *numbers) == -1) return -1;
    uint32_t *other = (uint32_t *)(void *)buffer_bytes(scratch), most = 0;
    for (size_t i = 0; i < count; i++) most |= numbers[i];
    for (unsigned shift = 0; shift < 32 && most >> shift; shift += 8) {
        sort_by_byte(numbers, other, count, shift);
        memcpy(numbers, other, count * sizeof *numbers);
    }
    return 0;
}

int sort_distinct(uint32_t *numbers, size_t *count, Buffer *scratch) {
    if (ascending(numbers, *count)) return 0;
    if (*count <= 64)
        sort_few(numbers, *count);
    else if (sort_many(numbers, *count, scratch) == -1)
        return -1;
    size_t kept = 1;
    for (size_t i = 1; i < *count; i++)
        if (numbers[i] != numbers[kept - 1]) numbers[kept++] = numbers[i];
    *count = kept;
    return 0;
}
