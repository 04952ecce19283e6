// SPDX-License-Identifier: MIT
/* RESP as the seam reads it. Where a value ends is the same whether it arrives at once or byte by
 * byte, and the same as hiredis says; arguments of a command lie within it. The input is copied to
 * its exact size, so that reading beyond it is seen. */
#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "tools/redis/redis_resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The ends of all values, one after the other; the status where it stops. */
static treadle_resp_status walk_whole(const char *data, size_t size, treadle_resp_walk *walk)
{
    treadle_resp_status status;
    do {
        status = treadle_resp_walk_value(walk, data, size);
    } while (status == TREADLE_RESP_OK && walk->position < size);
    return status;
}

static treadle_resp_status walk_in_pieces(const char *data, size_t size, treadle_resp_walk *walk)
{
    treadle_resp_status status = TREADLE_RESP_MORE;
    for (size_t seen = 1; seen <= size && status != TREADLE_RESP_BAD; seen++) {
        status = treadle_resp_walk_value(walk, data, seen);
    }
    return status;
}

/* What hiredis takes for a value ends there, too. It checks more: the content of numbers and the
 * depth of arrays; so what it refuses says nothing. */
static void compare_with_hiredis(const char *data, size_t size)
{
    redisReader *reader = redisReaderCreate();
    treadle_resp_walk walk = {0};
    void *reply = NULL;
    assert(reader != NULL);
    if (treadle_resp_walk_value(&walk, data, size) == TREADLE_RESP_OK &&
        redisReaderFeed(reader, data, walk.position) == REDIS_OK &&
        redisReaderGetReply(reader, &reply) == REDIS_OK) {
        assert(reply != NULL); /* all of the value was there */
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
}

static void read_commands(const char *data, size_t size)
{
    size_t position = 0;
    treadle_resp_command command;
    while (treadle_resp_command_read(data, size, &position, &command) == TREADLE_RESP_OK) {
        assert(position <= size);
        treadle_resp_arguments arguments = {.command = &command};
        for (uint32_t i = 0; i < command.argc && i < 64; i++) {
            const treadle_resp_span argument = treadle_resp_argument(&arguments, i);
            assert(argument.data >= data && argument.data + argument.length <= data + position);
            int64_t number;
            if (treadle_resp_number(argument, &number)) {
                assert(!treadle_resp_is(argument, "ZADD"));
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size == 0) {
        return 0;
    }
    char *data = malloc(size);
    assert(data != NULL);
    memcpy(data, input, size);
    treadle_resp_walk whole = {0};
    treadle_resp_walk pieces = {0};
    const treadle_resp_status at_once = walk_whole(data, size, &whole);
    assert(walk_in_pieces(data, size, &pieces) == at_once);
    assert(whole.position == pieces.position && whole.position <= size);
    compare_with_hiredis(data, size);
    read_commands(data, size);
    free(data);
    return 0;
}
