// SPDX-License-Identifier: MIT
#include "tools/redis/redis_keys.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

typedef struct key_node {
    treadle_resp_span text; /* first: a search key is a span */
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

bool treadle_redis_keys_add(treadle_redis_keys *keys, treadle_resp_span key)
{
    if (tfind(&key, &keys->root, compare) != NULL) {
        return true;
    }
    key_node *node = malloc(sizeof *node);
    char *text = malloc(key.length + 1);
    if (node != NULL && text != NULL) {
        memcpy(text, key.data, key.length);
        text[key.length] = '\0';
        node->text = (treadle_resp_span){text, key.length};
        if (tsearch(node, &keys->root, compare) != NULL) {
            keys->count++;
            return true;
        }
    }
    free(text);
    free(node);
    return false;
}

bool treadle_redis_keys_take(treadle_redis_keys *keys, char **text, size_t *length)
{
    if (keys->root == NULL) {
        return false;
    }
    key_node *node = *(key_node **)keys->root;
    tdelete(node, &keys->root, compare);
    keys->count--;
    *text = (char *)(uintptr_t)node->text.data;
    *length = node->text.length;
    free(node);
    return true;
}

void treadle_redis_keys_clear(treadle_redis_keys *keys)
{
    char *text;
    size_t length;
    while (treadle_redis_keys_take(keys, &text, &length)) {
        free(text);
    }
}
