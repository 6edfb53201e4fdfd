#include "core/shuffle/dictionary.h"

#include <errno.h>
#include <stdlib.h>

#include "core/os/sys.h"
#include "core/shuffle/merge.h"

static int damaged(void) {
    errno = EBADMSG;
    return -1;
}

static int make_maps(Dictionary *dictionary, const Run *runs, size_t count) {
    uint64_t values = 0;
    for (size_t i = 0; i < count; i++) {
        if (runs[i].dictionary.count > UINT32_MAX) return damaged();
        values += runs[i].dictionary.count;
    }
    dictionary->maps = sys.realloc(NULL, (count + 1) * sizeof *dictionary->maps);
    if (!dictionary->maps) return -1;
    dictionary->ranks = sys.realloc(NULL, (values + 1) * sizeof *dictionary->ranks);
    if (!dictionary->ranks) return -1;
    for (size_t i = 0, start = 0; i < count; start += runs[i++].dictionary.count)
        dictionary->maps[i] = (RankMap){dictionary->ranks + start, 0};
    return 0;
}

static int map_value(Dictionary *dictionary, const Run *runs, unsigned run, uint32_t rank) {
    RankMap *map = &dictionary->maps[run];
    if (map->count >= runs[run].dictionary.count) return damaged();
    dictionary->ranks[(size_t)(map->ranks - dictionary->ranks) + map->count++] = rank;
    return 0;
}

static int merge_values(Dictionary *dictionary, const Run *runs, Merge *merge, Store *store) {
    int found;
    for (uint32_t rank = 0; (found = merge_key(merge)) == 1; rank++) {
        if (store_define(store, buffer_bytes(&merge->key), buffer_size(&merge->key)) == -1)
            return -1;
        while ((found = merge_body(merge)) == 1)
            if (map_value(dictionary, runs, merge->source, rank) == -1) return -1;
        if (found == -1) return -1;
    }
    return found;
}

static Source *list_sources(const Run *runs, size_t count) {
    Source *sources = sys.realloc(NULL, (count + 1) * sizeof *sources);
    for (size_t i = 0; sources && i < count; i++)
        sources[i] = (Source){runs[i].fd, runs[i].dictionary};
    return sources;
}

int dictionary_read(Dictionary *dictionary, const Run *runs, size_t count, size_t memory,
                    Store *store) {
    Merge merge = {0};
    Source *sources = list_sources(runs, count);
    int result = sources ? make_maps(dictionary, runs, count) : -1;
    if (result == 0) result = merge_add_all(&merge, sources, count, memory);
    if (result == 0) result = merge_start(&merge);
    if (result == 0) result = merge_values(dictionary, runs, &merge, store);
    int error = errno;
    merge_close(&merge);
    free(sources);
    errno = error;
    return result;
}

void dictionary_free(Dictionary *dictionary) {
    free(dictionary->maps);
    free(dictionary->ranks);
    *dictionary = (Dictionary){0};
}
