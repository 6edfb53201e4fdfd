#include "core/pool/recruit.h"

#include "core/pool/desk.h"

int recruit_serve(const int own[RECRUIT_GIVEN], int life, const Service *service) {
    Channel channel = channel_of(own[RECRUIT_CHANNEL]);
    Desk desk;
    if (desk_join(&desk, own[RECRUIT_DESK]) == -1) return SERVE_BROKEN;
    Self self = {.life = life,
                 .board = desk.board,
                 .capture = {{own[RECRUIT_STDOUT], own[RECRUIT_STDERR]}},
                 .ledger = {.page = desk.ledger, .capacity = LEDGER_CAPACITY}};
    return serve(&self, service, &channel);
}
