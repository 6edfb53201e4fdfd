/* Recruit - the worker's end of a start that was no fork of the pool (core/pool/starter.h). */
#ifndef PARALLEL_LUA_POOL_RECRUIT_H
#define PARALLEL_LUA_POOL_RECRUIT_H

#include "core/pool/serve.h"
#include "core/pool/starter.h"

/* Runs the service, which has `learn`, with the last RECRUIT_GIVEN of what it was
 * given; for a ProcessMain, whose status it returns. */
int recruit_serve(const int own[RECRUIT_GIVEN], int life, const Service *service);

#endif
