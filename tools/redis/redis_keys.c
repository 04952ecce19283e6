// SPDX-License-Identifier: MIT
#include "tools/redis/redis_keys.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

typedef struct key_node {
    treadle_resp_span span; /* first: what is compared, and handed out, is a span */
    char text[];
} key_node;

static int compare(const void *a, const void *b)
{
    const treadle_resp_span *left = a;
    const treadle_resp_span *right = b;
    if (left->length != right->length) {
        return left->length < right->length ? -1 : 1;
    }
    return memcmp(left->data, right->data, left->length);
}

bool treadle_redis_keys_has(const treadle_redis_keys *keys, treadle_resp_span key)
{
    return tfind(&key, &keys->root, compare) != NULL;
}

bool treadle_redis_keys_add(treadle_redis_keys *keys, treadle_resp_span key)
{
    if (treadle_redis_keys_has(keys, key)) {
        return true;
    }
    key_node *node = malloc(sizeof *node + key.length);
    if (node == NULL) {
        return false;
    }
    memcpy(node->text, key.data, key.length);
    node->span = (treadle_resp_span){node->text, key.length};
    if (tsearch(node, &keys->root, compare) == NULL) {
        free(node);
        return false;
    }
    keys->count++;
    return true;
}

treadle_resp_span *treadle_redis_keys_take(treadle_redis_keys *keys)
{
    if (keys->root == NULL) {
        return NULL;
    }
    treadle_resp_span *key = *(treadle_resp_span **)keys->root;
    tdelete(key, &keys->root, compare);
    keys->count--;
    return key;
}

void treadle_redis_keys_clear(treadle_redis_keys *keys)
{
    treadle_resp_span *key;
    while ((key = treadle_redis_keys_take(keys)) != NULL) {
        free(key);
    }
}
