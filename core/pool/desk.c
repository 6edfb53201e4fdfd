#include "core/pool/desk.h"

#include <stddef.h>

#include "core/os/descriptor.h"
#include "core/os/mapping.h"

enum {
    LEDGER_AT = 4096, // on a page of its own
    DESK_SIZE = LEDGER_AT + sizeof(LedgerPage) + LEDGER_CAPACITY,
};

_Static_assert(sizeof(Board) <= LEDGER_AT, "the board must end before the ledger");

static int furnish(Desk *desk, void *memory) {
    if (!memory) return -1;
    desk->board = memory;
    desk->ledger = (LedgerPage *)((char *)memory + LEDGER_AT);
    return 0;
}

static int share(Desk *desk, bool by_descriptor) {
    if (!by_descriptor) return furnish(desk, mapping_share(DESK_SIZE));
    desk->fd = mapping_file("parallel-lua desk");
    return desk->fd == -1 ? -1 : furnish(desk, mapping_of_file(desk->fd, DESK_SIZE));
}

int desk_open(Desk *desk, bool by_descriptor) {
    *desk = DESK_NONE;
    if (capture_open(&desk->capture) == 0 && share(desk, by_descriptor) == 0) return 0;
    desk_close(desk);
    return -1;
}

int desk_join(Desk *desk, int fd) {
    *desk = DESK_NONE;
    int joined = furnish(desk, mapping_of_file(fd, DESK_SIZE));
    descriptor_close(&fd);
    return joined;
}

void desk_read_printed(const Desk *desk, Buffer printed[CAPTURES]) {
    for (int i = 0; i < CAPTURES; i++) {
        buffer_clear(&printed[i]);
        capture_read(&desk->capture, i, board_get(&desk->board->carried[i]), &printed[i]);
    }
}

void desk_close(Desk *desk) {
    mapping_free(desk->board, DESK_SIZE);
    descriptor_close(&desk->fd);
    capture_close(&desk->capture);
    *desk = DESK_NONE;
}
