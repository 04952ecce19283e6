// SPDX-License-Identifier: MIT
#ifndef PROVIDER_FACTORY_H
#define PROVIDER_FACTORY_H

/*
 * The provider factory: a registry of named instances, each built by the constructor of its type.
 *
 * Ownership and threads:
 *  1. One factory serves many threads; how well is what the variants differ in. `open` and `close`
 *     belong to one thread, before the first and after the last use by any other; no thread that
 *     has used the factory may be ending while it is closed.
 *  2. The factory owns every instance. `create`, `get` and `snapshot` lend it: a lent provider and
 *     its object may be used until `put`, and each is put exactly once, by any thread. What was
 *     removed or replaced is destroyed when the last one who holds it puts it. (`naive` and
 *     `proposed` count nobody: they destroy what is removed at once, and what is replaced never;
 *     `put` does nothing. The memory of a `struct provider` they keep until the factory is closed.)
 *  3. All that was lent has been put when the factory is closed. `close` destroys what is still
 *     registered.
 *  4. Constructors may be slow, may block and may fail. They and `destroy` may use the factory, as
 *     long as a constructor does not wait for its own name, directly or in a circle. (`proposed`
 *     holds its lock through a construction; that is one of its faults.)
 *  5. `create` and `rebuild` are cancellation points when the constructor is one, and (`fixed`,
 *     `lockfree`) while they wait for another thread's construction; a cancelled one has registered
 *     nothing and holds nothing. A constructor that is cancelled cleans up after itself. `destroy`
 *     runs with cancellation disabled.
 *  6. Configurations are borrowed for the call; types and context for the life of the factory.
 *
 * What it promises (`fixed`, `lockfree`): a name has at most one registered instance; `create`,
 * `get`, `remove`, `rebuild` and `snapshot` take effect at one moment each; no instance is
 * destroyed while it is lent, and each is destroyed exactly once.
 */

#include <stdbool.h>
#include <stddef.h>

/* Names are from 1 to this many bytes long (`fixed`, `lockfree`). */
#define PROVIDER_NAME_LENGTH_MAX 255

/* What is to be built. Strings are not NULL. */
struct provider_config {
    const char *name;
    const char *type;  /* the name of a provider type */
    const char *model; /* handed to the constructor */
    bool enabled;      /* false: is not built */
};

/* How providers of one type are built and destroyed. */
struct provider_type {
    const char *name;
    /* A new object, or NULL with one line in `error` (`error_size` is not 0). */
    void *(*construct)(const struct provider_config *config, void *context, char *error,
                       size_t error_size);
    void (*destroy)(void *object, void *context);
};

/* An instance, as it is lent. Constant while it is. */
struct provider {
    const char *name;
    const char *type;
    const char *model;
    void *object; /* what the constructor returned */
};

enum provider_result {
    PROVIDER_OK,
    PROVIDER_DISABLED,     /* the configuration is not enabled */
    PROVIDER_UNKNOWN_TYPE, /* no such type */
    PROVIDER_CONFLICT,     /* the name is registered with another type or model */
    PROVIDER_FAILED,       /* the constructor failed; another attempt may succeed */
    PROVIDER_INVALID,      /* no name, too long a name, or a name twice in one list */
    PROVIDER_NO_MEMORY,
};

static inline const char *provider_result_name(enum provider_result result)
{
    switch (result) {
    case PROVIDER_OK: return "ok";
    case PROVIDER_DISABLED: return "disabled";
    case PROVIDER_UNKNOWN_TYPE: return "unknown type";
    case PROVIDER_CONFLICT: return "conflict";
    case PROVIDER_FAILED: return "failed";
    case PROVIDER_INVALID: return "invalid";
    case PROVIDER_NO_MEMORY: return "no memory";
    }
    return "unknown";
}

struct provider_factory_options {
    const struct provider_type *types;
    size_t type_count;
    void *context; /* handed to construct and destroy */
};

struct provider_factory;

struct provider_factory_variant {
    const char *name;

    /* A new, empty factory, or NULL with one line in `error`: memory is out. */
    struct provider_factory *(*open)(const struct provider_factory_options *options, char *error,
                                     size_t error_size);

    /* Destroys what is registered and frees the factory. NULL is allowed. */
    void (*close)(struct provider_factory *factory);

    /* The instance of that name, built if there is none, in `*provider` (unless that is NULL: then
     * it is registered and not lent). A name that is registered with the same type and model gives
     * the registered instance. Who asks for a name that is being built with the same type and model
     * waits and shares the outcome, failure included. When it is not PROVIDER_OK, `*provider` is
     * NULL and `error` has one line. (`naive`, `proposed`: builds and replaces, always.) */
    enum provider_result (*create)(struct provider_factory *factory,
                                   const struct provider_config *config,
                                   const struct provider **provider, char *error,
                                   size_t error_size);

    /* The registered instance, or NULL. One that is being built is not registered yet. */
    const struct provider *(*get)(struct provider_factory *factory, const char *name);

    /* Ends a loan. NULL is allowed. */
    void (*put)(struct provider_factory *factory, const struct provider *provider);

    /* Takes a name out. False when it was not registered, or memory is out (`lockfree`). */
    bool (*remove)(struct provider_factory *factory, const char *name);

    /* Builds each configuration of the list anew and puts all in the place of what was registered
     * under their names; a disabled one takes its name out. Names not in the list stay as they are.
     * All or nothing: when one fails nothing changes, and `error` has one line. (`naive`,
     * `proposed`: build into a copy of the map, leave out what fails, bind the copy; the result is
     * that of the first failure.) */
    enum provider_result (*rebuild)(struct provider_factory *factory,
                                    const struct provider_config *configs, size_t count,
                                    char *error, size_t error_size);

    /* Lends all registered instances at one moment, in no particular order, and returns how many
     * there are. When that is more than `capacity`, none is lent. */
    size_t (*snapshot)(struct provider_factory *factory, const struct provider **providers,
                       size_t capacity);

    /* How many instances have been built and not destroyed. */
    size_t (*live)(struct provider_factory *factory);
};

extern const struct provider_factory_variant provider_factory_naive;
extern const struct provider_factory_variant provider_factory_proposed;
extern const struct provider_factory_variant provider_factory_fixed;
extern const struct provider_factory_variant provider_factory_lockfree;

/* Every variant, `naive` first. */
extern const struct provider_factory_variant *const provider_factory_variants[];
extern const size_t provider_factory_variants_count;

/* The variant of that name, or NULL. */
const struct provider_factory_variant *provider_factory_find(const char *name);

#endif
