// SPDX-License-Identifier: MIT
/* The provider factory: lost and doubled instances, slow and failing constructors, removal in use,
 * rebuilding the map. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "impl/provider_factory/provider_factory.h"
#include "models/provider_factory_model.h"
#include "scenarios/registry.h"
#include "tools/checkers/linearizability.h"
#include "tools/checkers/serial.h"

enum { NAMES = 4, THREADS_MAX = 4, OBJECTS_MAX = 64 };

static const char *const names[NAMES] = {"openai", "anthropic", "mistral", "cohere"};
static const char *const versions[] = {"none", "v1", "v2", "v3"};

/* What a constructor returns: remembers what happened to it. */
typedef struct object {
    const char *name;
    atomic_bool destroyed;
} object;

typedef struct fixture {
    const struct provider_factory_variant *variant;
    struct provider_factory *factory;
    int64_t threads;
    object objects[OBJECTS_MAX];
    /* Atomic for the stress program, where constructors really run at once. */
    atomic_uint constructed;
    atomic_uint destroyed;
    atomic_uint attempts;         /* of flaky constructors */
    uint32_t failures;            /* how many of those fail */
    atomic_uint constructors;     /* that are running */
    _Atomic int64_t together_max; /* the most that ever were */
    sem_t gate;                   /* gated constructors wait for it */
    const struct provider *lent[THREADS_MAX];
    bool removed;
    treadle_history history;
    bool cancelled; /* cancelled_builder: the builder, before it had built */
} fixture;

/* ---- provider types -------------------------------------------------------------------------- */

static void begin_constructor(fixture *state)
{
    treadle_raise_to(&state->together_max, (int64_t)atomic_fetch_add(&state->constructors, 1) + 1);
}

/* Also when it is cancelled. */
static void end_constructor(void *context)
{
    fixture *state = context;
    state->constructors--;
}

static object *make(fixture *state, const struct provider_config *config)
{
    if (state->constructed == OBJECTS_MAX) {
        treadle_violation("setup", "the scenario has room for %d objects only", OBJECTS_MAX);
    }
    const uint32_t number = atomic_fetch_add(&state->constructed, 1);
    object *made = &state->objects[number];
    made->name = config->name;
    treadle_note("%s %s is built, instance %u", config->name, config->model, number + 1);
    return made;
}

static void *construct_plain(const struct provider_config *config, void *context, char *error,
                             size_t error_size)
{
    (void)error;
    (void)error_size;
    return make(context, config);
}

static void pause_s(time_t seconds)
{
    nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
}

static void *construct_slow(const struct provider_config *config, void *context, char *error,
                            size_t error_size)
{
    fixture *state = context;
    (void)error;
    (void)error_size;
    begin_constructor(state);
    pthread_cleanup_push(end_constructor, state);
    pause_s(30);
    pthread_cleanup_pop(1);
    return make(state, config);
}

static void *construct_gated(const struct provider_config *config, void *context, char *error,
                             size_t error_size)
{
    fixture *state = context;
    (void)error;
    (void)error_size;
    while (sem_wait(&state->gate) != 0) {
    }
    return make(state, config);
}

static void *construct_announced(const struct provider_config *config, void *context, char *error,
                                 size_t error_size)
{
    fixture *state = context;
    (void)error;
    (void)error_size;
    object *made = make(state, config);
    sem_post(&state->gate);
    return made;
}

static void *construct_flaky(const struct provider_config *config, void *context, char *error,
                             size_t error_size)
{
    fixture *state = context;
    const uint32_t attempt = ++state->attempts;
    pause_s(1);
    if (attempt <= state->failures) {
        snprintf(error, error_size, "attempt %u failed", attempt);
        return NULL;
    }
    return make(state, config);
}

static void destroy(void *built, void *context)
{
    object *mine = built;
    fixture *state = context;
    if (atomic_exchange(&mine->destroyed, true)) {
        treadle_violation("destroyed-twice", "an instance of %s is destroyed again", mine->name);
    }
    state->destroyed++;
    treadle_note("instance %td of %s is destroyed", mine - state->objects + 1, mine->name);
}

static const struct provider_type types[] = {
    {"plain", construct_plain, destroy}, {"slow", construct_slow, destroy},
    {"gated", construct_gated, destroy}, {"announced", construct_announced, destroy},
    {"flaky", construct_flaky, destroy},
};

/* ---- the fixture ----------------------------------------------------------------------------- */

static struct provider_config config_of(uint32_t name, const char *type, uint32_t version)
{
    return (struct provider_config){names[name], type, versions[version], true};
}

static enum provider_result create_as(fixture *state, uint32_t name, const char *type,
                                      uint32_t version, const struct provider **provider)
{
    char error[160] = "";
    const struct provider_config config = config_of(name, type, version);
    const enum provider_result result =
        state->variant->create(state->factory, &config, provider, error, sizeof error);
    treadle_note("create %s: %s", names[name], provider_result_name(result));
    return result;
}

static void create(fixture *state, uint32_t name, const char *type,
                   const struct provider **provider)
{
    const enum provider_result result = create_as(state, name, type, 1, provider);
    if (result != PROVIDER_OK) {
        treadle_violation("refused", "%s cannot be created: %s", names[name],
                          provider_result_name(result));
    }
}

/* The version that is registered; 0 for none. */
static uint32_t version_of(fixture *state, uint32_t name)
{
    const struct provider *provider = state->variant->get(state->factory, names[name]);
    const uint32_t version = provider != NULL ? (uint32_t)(provider->model[1] - '0') : 0;
    state->variant->put(state->factory, provider);
    return version;
}

static enum provider_result rebuild(fixture *state, const struct provider_config *configs,
                                    size_t count)
{
    char error[160] = "";
    const enum provider_result result =
        state->variant->rebuild(state->factory, configs, count, error, sizeof error);
    treadle_note("rebuild: %s", provider_result_name(result));
    return result;
}

static void rebuild_one(fixture *state, uint32_t name, const char *type, uint32_t version)
{
    const struct provider_config config = config_of(name, type, version);
    if (rebuild(state, &config, 1) != PROVIDER_OK) {
        treadle_violation("refused", "%s cannot be rebuilt", names[name]);
    }
}

static bool remove_name(fixture *state, uint32_t name)
{
    const bool removed = state->variant->remove(state->factory, names[name]);
    treadle_note("remove %s: %s", names[name], removed ? "done" : "not registered");
    return removed;
}

/* A request to `name` that takes a second. */
static void use(fixture *state, uint32_t name, const struct provider *provider)
{
    const object *mine = provider->object;
    if (strcmp(mine->name, names[name]) != 0) {
        treadle_violation("wrong-provider", "%s was asked for, %s is lent", names[name],
                          mine->name);
    }
    if (mine->destroyed) {
        treadle_violation("use-after-destroy", "%s is lent, but destroyed already", mine->name);
    }
    pause_s(1);
    if (mine->destroyed) {
        treadle_violation("use-after-destroy", "%s is destroyed while a request uses it",
                          mine->name);
    }
    treadle_note("the request to %s is done", mine->name);
    state->variant->put(state->factory, provider);
}

/* Opened with the first `registered` names registered. */
static fixture *open_factory(const treadle_run *run, uint32_t registered)
{
    fixture *state = calloc(1, sizeof *state);
    char error[160];
    const struct provider_factory_options options = {types, sizeof types / sizeof types[0], state};
    state->variant = provider_factory_find(run->variant);
    state->factory = state->variant->open(&options, error, sizeof error);
    state->threads = treadle_run_parameter(run, "threads");
    sem_init(&state->gate, 0, 0);
    if (state->factory == NULL) {
        treadle_violation("setup", "the factory cannot be opened: %s", error);
    }
    for (uint32_t name = 0; name < registered; name++) {
        create(state, name, "plain", NULL);
    }
    return state;
}

static void *setup_empty(const treadle_run *run)
{
    return open_factory(run, 0);
}

static void *setup_one(const treadle_run *run)
{
    return open_factory(run, 1);
}

static void *setup_two(const treadle_run *run)
{
    return open_factory(run, 2);
}

static void *setup_all(const treadle_run *run)
{
    return open_factory(run, NAMES);
}

static void close_factory(fixture *state)
{
    state->variant->close(state->factory);
    sem_destroy(&state->gate);
}

/* Nothing is lent any more: what lives is what is registered, and closing destroys it. */
static void check_none_leaked(fixture *state)
{
    const uint32_t living = state->constructed - state->destroyed;
    const size_t registered = state->variant->snapshot(state->factory, NULL, 0);
    if (living != registered) {
        treadle_violation("leaked-instance", "%u instances live, %zu are registered", living,
                          registered);
    }
    if (state->variant->live(state->factory) != living) {
        treadle_violation("wrong-count", "%u instances live, the factory says %zu", living,
                          state->variant->live(state->factory));
    }
    close_factory(state);
    if (state->destroyed != state->constructed) {
        treadle_violation("leaked-instance", "%u of %u instances are destroyed when it is closed",
                          state->destroyed, state->constructed);
    }
}

static void check_closed(void *context)
{
    check_none_leaked(context);
}

/* ---- lost_insert: each thread creates a name of its own -------------------------------------- */

static void create_own(void *context, uint32_t index)
{
    create(context, index, "plain", NULL);
}

static void check_all_registered(void *context)
{
    fixture *state = context;
    for (uint32_t name = 0; name < state->threads; name++) {
        if (version_of(state, name) == 0) {
            treadle_violation("lost-insert", "%s was created and is not registered", names[name]);
        }
    }
    check_none_leaked(state);
}

/* ---- one_construction: all create the same name ---------------------------------------------- */

static void create_same(void *context, uint32_t index)
{
    fixture *state = context;
    create(state, 0, "slow", &state->lent[index]);
}

static void check_one_instance(void *context)
{
    fixture *state = context;
    for (int64_t i = 0; i < state->threads; i++) {
        if (state->lent[i] != state->lent[0]) {
            treadle_violation("different-instances", "thread 1 and thread %lld hold different %s",
                              (long long)i + 1, names[0]);
        }
        state->variant->put(state->factory, state->lent[i]);
    }
    if (state->constructed != 1) {
        treadle_violation("double-construction", "%u instances of %s were built",
                          state->constructed, names[0]);
    }
    check_none_leaked(state);
}

/* ---- second_create: the same, one after the other -------------------------------------------- */

static void create_twice(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    create(state, 0, "plain", &state->lent[0]);
    create(state, 0, "plain", &state->lent[1]);
    if (state->lent[0] != state->lent[1]) {
        treadle_violation("different-instances",
                          "the second create of %s replaces the instance of the first", names[0]);
    }
    state->variant->put(state->factory, state->lent[0]);
    state->variant->put(state->factory, state->lent[1]);
}

static void read_registered(fixture *state)
{
    if (version_of(state, 0) != 1) {
        treadle_violation("missed-provider", "%s is registered all the time, get finds nothing",
                          names[0]);
    }
}

/* ---- reader_in_resize: one registers a third name, one reads the first ----------------------- */

/* The reader starts when the third is built and about to be registered. */
static void add_or_read(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        create(state, 2, "announced", NULL);
        return;
    }
    while (sem_wait(&state->gate) != 0) {
    }
    read_registered(state);
    read_registered(state);
}

/* ---- slow_constructor: it ends only when a reader of another name has ended ------------------ */

static void build_or_read(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        create(state, 1, "gated", NULL);
        return;
    }
    read_registered(state);
    treadle_note("%s has been read", names[0]);
    if (version_of(state, 1) != 0) {
        treadle_violation("half-built", "%s is registered before it is built", names[1]);
    }
    sem_post(&state->gate);
}

/* ---- failed_construction: the first attempt fails, everybody tries until it works ------------ */

static void *setup_flaky(const treadle_run *run)
{
    fixture *state = open_factory(run, 0);
    state->failures = 1;
    return state;
}

static void create_until_ok(void *context, uint32_t index)
{
    fixture *state = context;
    const struct provider_config config = config_of(0, "flaky", 1);
    for (;;) {
        char error[160] = "";
        const enum provider_result result = state->variant->create(
            state->factory, &config, &state->lent[index], error, sizeof error);
        treadle_note("create %s: %s %s", names[0], provider_result_name(result), error);
        if (result == PROVIDER_OK) {
            return;
        }
        if (result != PROVIDER_FAILED || strcmp(error, "attempt 1 failed") != 0) {
            treadle_violation("wrong-failure", "attempt 1 failed, the caller is told: %s, '%s'",
                              provider_result_name(result), error);
        }
    }
}

/* ---- cancelled_builder ----------------------------------------------------------------------- */

static void *build_slowly(void *context)
{
    create(context, 0, "slow", NULL);
    return NULL;
}

static void cancel_builder(void *context, uint32_t index)
{
    fixture *state = context;
    pthread_t builder;
    if (index == 1) {
        create(state, 0, "slow", NULL);
        return;
    }
    if (pthread_create(&builder, NULL, build_slowly, state) != 0) {
        return;
    }
    void *result;
    pthread_cancel(builder);
    pthread_join(builder, &result);
    state->cancelled = result == PTHREAD_CANCELED;
    treadle_note("the builder has %s", state->cancelled ? "been cancelled" : "ended before that");
}

/* What came too late to be cancelled is one_construction's business. */
static void check_registered(void *context)
{
    fixture *state = context;
    if (version_of(state, 0) != 1) {
        treadle_violation("lost-insert", "%s was created and is not registered", names[0]);
    }
    if (state->cancelled) {
        check_none_leaked(state);
    } else {
        close_factory(state);
    }
}

/* ---- cancelled_waiter: the constructor ends only when the waiter has ended ------------------- */

static void *build_gated(void *context)
{
    create(context, 0, "gated", NULL);
    return NULL;
}

static void cancel_waiter(void *context, uint32_t index)
{
    fixture *state = context;
    pthread_t waiter;
    if (index == 0) {
        create(state, 0, "gated", NULL);
        return;
    }
    if (pthread_create(&waiter, NULL, build_gated, state) != 0) {
        return;
    }
    pthread_cancel(waiter);
    pthread_join(waiter, NULL);
    treadle_note("the waiter has been cancelled");
    sem_post(&state->gate);
}

/* ---- remove_against_use, remove_against_create, rebuild_against_use -------------------------- */

static void use_registered(fixture *state)
{
    const struct provider *provider = state->variant->get(state->factory, names[0]);
    if (provider != NULL) {
        use(state, 0, provider);
    }
}

/* What is built next may well get the memory of what was removed. */
static void remove_or_use(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        remove_name(state, 0);
        create(state, 3, "plain", NULL);
    } else {
        use_registered(state);
    }
}

static void rebuild_or_use(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        rebuild_one(state, 0, "plain", 2);
    } else {
        use_registered(state);
    }
}

static void remove_or_create(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        state->removed = remove_name(state, 0);
        return;
    }
    const struct provider *provider;
    create(state, 0, "slow", &provider);
    use(state, 0, provider);
}

static void check_removed(void *context)
{
    fixture *state = context;
    const bool registered = version_of(state, 0) != 0;
    if (registered == state->removed) {
        treadle_violation("impossible-outcome", "%s was created, remove says %s, and it is %s",
                          names[0], state->removed ? "done" : "not registered",
                          registered ? "registered" : "gone");
    }
    check_none_leaked(state);
}

/* ---- snapshot_consistency -------------------------------------------------------------------- */

/* The first is removed before the last: a snapshot that shows the first shows the last, too. */
static void remove_two_or_look(void *context, uint32_t index)
{
    fixture *state = context;
    const struct provider *all[NAMES];
    bool first = false;
    bool last = false;
    if (index == 0) {
        remove_name(state, 0);
        remove_name(state, NAMES - 1);
        return;
    }
    const size_t count = state->variant->snapshot(state->factory, all, NAMES);
    treadle_note("the snapshot shows %zu", count);
    for (size_t i = 0; i < count; i++) {
        first = first || strcmp(all[i]->name, names[0]) == 0;
        last = last || strcmp(all[i]->name, names[NAMES - 1]) == 0;
        state->variant->put(state->factory, all[i]);
    }
    if (first && !last) {
        treadle_violation("impossible-snapshot",
                          "the snapshot shows %s without %s, but %s was removed first", names[0],
                          names[NAMES - 1], names[0]);
    }
}

/* ---- rebuild_against_add, rebuild_against_create, two_rebuilds, rebuild_failure -------------- */

static void rebuild_or_add(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        rebuild_one(state, 0, "slow", 2);
    } else {
        create(state, 1, "plain", NULL);
    }
}

static void check_added(void *context)
{
    fixture *state = context;
    if (version_of(state, 1) != 1) {
        treadle_violation("lost-insert", "%s was created during a rebuild of %s, and is lost",
                          names[1], names[0]);
    }
    check_none_leaked(state);
}

static void rebuild_or_create(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        rebuild_one(state, 0, "slow", 1);
    } else {
        create(state, 0, "slow", NULL);
    }
}

static void check_not_together(void *context)
{
    fixture *state = context;
    if (state->together_max > 1) {
        treadle_violation("double-construction", "%lld constructors of %s run at once",
                          (long long)state->together_max, names[0]);
    }
    close_factory(state);
}

/* Thread 1 rebuilds the first name, thread 2 the second. */
static void rebuild_own(void *context, uint32_t index)
{
    rebuild_one(context, index, "plain", 2);
}

static void check_rebuilds(void *context)
{
    fixture *state = context;
    treadle_outcome_text("%s %s, %s %s, %u built, %u destroyed", names[0],
                         versions[version_of(state, 0)], names[1], versions[version_of(state, 1)],
                         state->constructed, state->destroyed);
    close_factory(state);
}

static void rebuild_and_fail(void *context, uint32_t index)
{
    fixture *state = context;
    const struct provider_config list[] = {config_of(0, "plain", 2), config_of(1, "flaky", 2)};
    (void)index;
    state->failures = 1;
    const enum provider_result result = rebuild(state, list, 2);
    if (result != PROVIDER_FAILED) {
        treadle_violation("wrong-answer", "a constructor failed, rebuild says %s",
                          provider_result_name(result));
    }
    if (version_of(state, 0) != 1 || version_of(state, 1) != 1) {
        treadle_violation("half-rebuilt", "the rebuild failed, and leaves %s %s and %s %s",
                          names[0], versions[version_of(state, 0)], names[1],
                          versions[version_of(state, 1)]);
    }
    if (rebuild(state, list, 2) != PROVIDER_OK) {
        treadle_violation("refused", "the second rebuild cannot be done");
    }
}

/* ---- linearizable ---------------------------------------------------------------------------- */

enum function { CREATE, GET, REMOVE, REBUILD, SNAPSHOT };

static const char *const functions[] = {"create", "get", "remove", "rebuild", "snapshot"};

/* `config`: how many names are registered at the beginning. */
/* Calls are judged by comparing numbers. */
_Static_assert((int)PROVIDER_OK == PROVIDER_FACTORY_MODEL_OK &&
                   (int)PROVIDER_CONFLICT == PROVIDER_FACTORY_MODEL_CONFLICT &&
                   (int)PROVIDER_FAILED == PROVIDER_FACTORY_MODEL_FAILED,
               "the model's answers are numbered as the factory's");

static void model_init(void *state, const void *config)
{
    struct provider_factory_model *model = state;
    provider_factory_model_init(model);
    for (uint32_t name = 0; name < *(const uint32_t *)config; name++) {
        model->version[name] = 1;
    }
}

/* Argument 0 is a name, or of a rebuild a set of names; argument 1 a version. */
static size_t names_in(int64_t set, uint32_t found[NAMES])
{
    size_t count = 0;
    for (uint32_t name = 0; name < NAMES; name++) {
        if (set >> name & 1) {
            found[count++] = name;
        }
    }
    return count;
}

static int64_t model_rebuild(struct provider_factory_model *model, const treadle_call *call)
{
    struct provider_factory_model_config list[NAMES] = {0};
    uint32_t found[NAMES];
    const size_t count = names_in(call->arguments[0], found);
    for (size_t i = 0; i < count; i++) {
        list[i].name = found[i];
        list[i].version = (uint32_t)call->arguments[1];
    }
    return provider_factory_model_rebuild(model, list, count);
}

static bool model_step(void *state, const treadle_call *call)
{
    struct provider_factory_model *model = state;
    const uint32_t name = (uint32_t)call->arguments[0];
    const struct provider_factory_model_config config = {.name = name,
                                                         .version = (uint32_t)call->arguments[1]};
    int64_t result = 0;
    switch ((enum function)call->function) {
    case CREATE: result = provider_factory_model_create(model, &config); break;
    case GET: result = provider_factory_model_get(model, name); break;
    case REMOVE: result = provider_factory_model_remove(model, name); break;
    case REBUILD: result = model_rebuild(model, call); break;
    case SNAPSHOT: result = (int64_t)provider_factory_model_snapshot(model); break;
    }
    return call->unknown || result == call->result;
}

static void describe_versions(int64_t seen, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "snapshot() ->");
    for (uint32_t name = 0; name < NAMES && length < size; name++) {
        const int64_t version = seen >> (8 * name) & 0xff;
        if (version != 0) {
            length += (size_t)snprintf(text + length, size - length, " %s %s", names[name],
                                       versions[version]);
        }
    }
}

static void describe_rebuild(const treadle_call *call, char *text, size_t size)
{
    uint32_t found[NAMES];
    const size_t count = names_in(call->arguments[0], found);
    size_t length = (size_t)snprintf(text, size, "rebuild(");
    for (size_t i = 0; i < count && length < size; i++) {
        length += (size_t)snprintf(text + length, size - length, "%s%s %s", i > 0 ? ", " : "",
                                   names[found[i]], versions[call->arguments[1]]);
    }
    if (length < size) {
        snprintf(text + length, size - length, ") -> %s",
                 provider_result_name((enum provider_result)call->result));
    }
}

static void model_describe(const treadle_call *call, char *text, size_t size)
{
    switch ((enum function)call->function) {
    case CREATE:
        snprintf(text, size, "create(%s %s) -> %s", names[call->arguments[0]],
                 versions[call->arguments[1]],
                 provider_result_name((enum provider_result)call->result));
        break;
    case GET:
        snprintf(text, size, "get(%s) -> %s", names[call->arguments[0]], versions[call->result]);
        break;
    case REMOVE:
        snprintf(text, size, "remove(%s) -> %s", names[call->arguments[0]],
                 call->result ? "done" : "not registered");
        break;
    case REBUILD: describe_rebuild(call, text, size); break;
    case SNAPSHOT: describe_versions(call->result, text, size); break;
    }
}

static const treadle_model factory_model = {
    .name = "provider factory",
    .state_size = sizeof(struct provider_factory_model),
    .init = model_init,
    .step = model_step,
    .describe = model_describe,
};

static void *setup_linearizable(const treadle_run *run)
{
    fixture *state = open_factory(run, 2);
    state->history.functions = functions;
    return state;
}

static int64_t rebuild_set(fixture *state, int64_t set, uint32_t version)
{
    struct provider_config list[NAMES];
    uint32_t found[NAMES];
    const size_t count = names_in(set, found);
    for (size_t i = 0; i < count; i++) {
        list[i] = config_of(found[i], "plain", version);
    }
    return rebuild(state, list, count);
}

static int64_t snapshot_versions(fixture *state)
{
    const struct provider *all[NAMES];
    const size_t count = state->variant->snapshot(state->factory, all, NAMES);
    int64_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        for (uint32_t name = 0; name < NAMES; name++) {
            if (strcmp(all[i]->name, names[name]) == 0) {
                seen |= (int64_t)(all[i]->model[1] - '0') << (8 * name);
            }
        }
        state->variant->put(state->factory, all[i]);
    }
    return seen;
}

static int64_t answer(fixture *state, enum function function, int64_t argument, uint32_t version)
{
    switch (function) {
    case CREATE: return create_as(state, (uint32_t)argument, "plain", version, NULL);
    case GET: return version_of(state, (uint32_t)argument);
    case REMOVE: return remove_name(state, (uint32_t)argument);
    case REBUILD: return rebuild_set(state, argument, version);
    case SNAPSHOT: return snapshot_versions(state);
    }
    return -1;
}

static void record(fixture *state, enum function function, int64_t argument, uint32_t version)
{
    const uint32_t call = treadle_invoke(&state->history, function, argument, version);
    treadle_respond(&state->history, call, answer(state, function, argument, version));
}

static void mixed_calls(void *context, uint32_t index)
{
    if (index == 0) {
        record(context, CREATE, 2, 1);
        record(context, SNAPSHOT, 0, 0);
    } else {
        record(context, REBUILD, 3, 2); /* the first two */
    }
}

static void check_linearizable(void *context)
{
    static const uint32_t registered = 2;
    fixture *state = context;
    treadle_require_linearizable(&state->history, &factory_model, &registered);
    close_factory(state);
}

/* ---- refused, sequential: one thread --------------------------------------------------------- */

static void expect_refusal(fixture *state, const char *what, struct provider_config config,
                           enum provider_result expected)
{
    const struct provider *provider = NULL;
    char error[160] = "";
    const enum provider_result result =
        state->variant->create(state->factory, &config, &provider, error, sizeof error);
    treadle_note("%s: %s", what, error);
    if (result != expected || provider != NULL || error[0] == '\0') {
        treadle_violation("wrong-answer", "%s: create says %s, '%s', and lends %s", what,
                          provider_result_name(result), error, provider != NULL ? "it" : "nothing");
    }
    if (version_of(state, 0) != 0 || state->variant->live(state->factory) != 0) {
        treadle_violation("registered-anyway", "%s, and yet something is registered", what);
    }
}

static void be_refused(void *context, uint32_t index)
{
    fixture *state = context;
    struct provider_config disabled = config_of(0, "plain", 1);
    (void)index;
    disabled.enabled = false;
    state->failures = 1;
    expect_refusal(state, "a disabled provider", disabled, PROVIDER_DISABLED);
    expect_refusal(state, "an unknown type", config_of(0, "llama", 1), PROVIDER_UNKNOWN_TYPE);
    expect_refusal(state, "a failing constructor", config_of(0, "flaky", 1), PROVIDER_FAILED);
    create(state, 0, "flaky", NULL);
}

static void sequential(void *context, uint32_t index)
{
    static const uint32_t registered = 1;
    static const struct {
        enum function function;
        uint32_t argument;
        uint32_t version;
    } calls[] = {{CREATE, 1, 1}, {GET, 1, 0},     {GET, 2, 0},      {REBUILD, 2, 2},
                 {GET, 1, 0},    {REMOVE, 1, 0},  {REMOVE, 1, 0},   {SNAPSHOT, 0, 0},
                 {CREATE, 1, 3}, {CREATE, 2, 2},  {REBUILD, 13, 1}, {SNAPSHOT, 0, 0},
                 {REMOVE, 0, 0}, {SNAPSHOT, 0, 0}};
    struct provider_factory_model model;
    (void)index;
    model_init(&model, &registered);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        treadle_call call = {.function = calls[i].function,
                             .arguments = {calls[i].argument, calls[i].version}};
        call.result = answer(context, calls[i].function, calls[i].argument, calls[i].version);
        if (!model_step(&model, &call)) {
            char text[160];
            model_describe(&call, text, sizeof text);
            treadle_violation("wrong-answer", "call %zu, %s, is not what the model says", i + 1,
                              text);
        }
    }
}

static void check_sequential(void *context)
{
    close_factory(context);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter several[] = {{"threads", 2, 1, THREADS_MAX, "threads"}, {0}};
static const treadle_parameter two[] = {{"threads", 2, 2, 2, "threads"}, {0}};
static const treadle_parameter one[] = {{"threads", 1, 1, 1, "threads"}, {0}};

static const treadle_expectation expect_lost_insert[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "no await inside: the document's claim is false for asyncio alone"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "lost-insert",
                       "two threads let the map grow, and one binds its own over the other"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "lost-insert",
                       "two threads write the same place of the map"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "one lock around everything"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the map is changed under the lock"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_one_construction[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "different-instances",
                       "each builds its own, and the last one stays"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "different-instances",
                       "the lock makes them build one after the other, and replace"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "the second waits for the first and shares its instance"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_second_create[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "different-instances",
                       "create does not look: no concurrency is needed"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "different-instances",
                       "the lock changes nothing: create does not look"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "create returns what is registered"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_reader_in_resize[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "no await inside: false for asyncio, true for threads"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "missed-provider",
                       "the reader looks into the larger map before all is moved"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "the reader waits for the lock"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the reader waits for the lock"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_slow_constructor[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "no lock to wait for"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "deadlock",
                       "the lock is held through the construction: readers wait for it"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "constructors run outside the lock"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_failed_construction[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "different-instances",
                       "the one that failed builds again, and replaces the other"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "different-instances",
                       "the one that failed builds again, and replaces the other"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "the failure is shared, and the next attempt builds"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_cancelled_builder[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "cancelled, it has built nothing yet"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "cancelled, it has built nothing yet"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the claim is given up, and who waited builds"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_cancelled_waiter[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "nobody waits for anybody: each builds"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "deadlock",
                       "waiting for a lock cannot be cancelled"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "waiting for a construction is a cancellation point"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_remove_against_use[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "use-after-destroy",
                       "remove destroys at once: true for asyncio, too"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "use-after-destroy",
                       "the lock guards the map, not the instance"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the last one who holds it destroys it"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_remove_against_create[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "use-after-destroy",
                       "remove destroys what create has just lent"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "use-after-destroy",
                       "remove destroys what create has just lent"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the last one who holds it destroys it"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_snapshot_consistency[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "no await inside: false for asyncio, true for threads"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "impossible-snapshot",
                       "the copy is taken entry by entry"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "the copy is taken under the lock"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the copy is taken under the lock"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_rebuild_against_add[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-insert",
                       "the rebuilt copy of the map takes the place of one with more in it"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "lost-insert",
                       "the lock is free between copying the map and binding the copy"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the map is changed in place, at one moment"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_rebuild_against_create[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "double-construction", "both build"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "one after the other, under the lock"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "both need the claim on the name"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_rebuild_against_use[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "leaked-instance",
                       "what a rebuild replaces is never destroyed"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "leaked-instance",
                       "what a rebuild replaces is never destroyed"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the last one who holds it destroys it"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_two_rebuilds[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "these constructors do not suspend: one rebuild after the other"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "atomicity",
                       "each works on a copy of the map, and the last one is bound"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "atomicity",
                       "each works on a copy of the map, and the last one is bound"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the map is changed in place, at one moment"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_rebuild_failure[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "half-rebuilt",
                       "what fails is left out, and the rest goes in"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "half-rebuilt",
                       "what fails is left out, and the rest goes in"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "all or nothing"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_linearizable[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "no await inside"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "linearizability",
                       "each binds a map of its own, and one loses what the other did"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "linearizability",
                       "the rebuilt copy of the map takes the place of one with more in it"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "each takes effect inside its critical section"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_refused[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one thread"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one thread"),
    {0},
};

static const treadle_scenario lost_insert_row = {
    .name = "provider_factory/lost_insert",
    .summary = "threads create different providers at once; all of them are registered",
    .parameters = several,
    .expectations = expect_lost_insert,
    .setup = setup_empty,
    .thread = create_own,
    .check = check_all_registered,
};

static const treadle_scenario one_construction_row = {
    .name = "provider_factory/one_construction",
    .summary =
        "threads create one provider at once, its constructor is slow; it is built once and shared",
    .parameters = several,
    .expectations = expect_one_construction,
    .setup = setup_empty,
    .thread = create_same,
    .check = check_one_instance,
    .symmetric = true,
};

static const treadle_scenario second_create_row = {
    .name = "provider_factory/second_create",
    .summary = "one thread creates a provider twice; both times it gets the same instance",
    .parameters = one,
    .expectations = expect_second_create,
    .setup = setup_empty,
    .thread = create_twice,
    .check = check_closed,
};

static const treadle_scenario reader_in_resize_row = {
    .name = "provider_factory/reader_in_resize",
    .summary = "one thread creates a third provider, one reads the first; it is found",
    .parameters = two,
    .expectations = expect_reader_in_resize,
    .setup = setup_two,
    .thread = add_or_read,
    .check = check_closed,
};

static const treadle_scenario slow_constructor_row = {
    .name = "provider_factory/slow_constructor",
    .summary = "a constructor ends only after a reader of another provider; nobody waits for ever",
    .parameters = two,
    .expectations = expect_slow_constructor,
    .setup = setup_one,
    .thread = build_or_read,
    .check = check_closed,
};

static const treadle_scenario failed_construction_row = {
    .name = "provider_factory/failed_construction",
    .summary = "the first construction fails; all who waited are told, and can try again",
    .parameters = two,
    .expectations = expect_failed_construction,
    .setup = setup_flaky,
    .thread = create_until_ok,
    .check = check_one_instance,
};

static const treadle_scenario cancelled_builder_row = {
    .name = "provider_factory/cancelled_builder",
    .summary =
        "a thread is cancelled while it builds; another gets the provider, and only one lives",
    .parameters = two,
    .expectations = expect_cancelled_builder,
    .no_baseline = "no variant can be cancelled once it has built, and before it has registered",
    .setup = setup_empty,
    .thread = cancel_builder,
    .check = check_registered,
};

static const treadle_scenario cancelled_waiter_row = {
    .name = "provider_factory/cancelled_waiter",
    .summary =
        "a thread that waits for a construction is cancelled; it ends before the constructor does",
    .parameters = two,
    .expectations = expect_cancelled_waiter,
    .setup = setup_empty,
    .thread = cancel_waiter,
    .check = check_registered,
};

static const treadle_scenario remove_against_use_row = {
    .name = "provider_factory/remove_against_use",
    .summary = "a provider is removed while a request uses it, and another is built; it is "
               "destroyed afterwards, once",
    .parameters = two,
    .expectations = expect_remove_against_use,
    .setup = setup_one,
    .thread = remove_or_use,
    .check = check_closed,
};

static const treadle_scenario remove_against_create_row = {
    .name = "provider_factory/remove_against_create",
    .summary = "a provider is removed while it is built and used; each takes effect at one moment",
    .parameters = two,
    .expectations = expect_remove_against_create,
    .setup = setup_empty,
    .thread = remove_or_create,
    .check = check_removed,
};

static const treadle_scenario snapshot_consistency_row = {
    .name = "provider_factory/snapshot_consistency",
    .summary = "one thread removes two of four providers; a snapshot shows a state that existed",
    .parameters = two,
    .expectations = expect_snapshot_consistency,
    .setup = setup_all,
    .thread = remove_two_or_look,
    .check = check_closed,
};

static const treadle_scenario rebuild_against_add_row = {
    .name = "provider_factory/rebuild_against_add",
    .summary =
        "one thread brings in a provider by a rebuild, one creates another; both are registered",
    .parameters = two,
    .expectations = expect_rebuild_against_add,
    .setup = setup_empty,
    .thread = rebuild_or_add,
    .check = check_added,
};

static const treadle_scenario rebuild_against_create_row = {
    .name = "provider_factory/rebuild_against_create",
    .summary =
        "one thread rebuilds a provider, one creates it; constructors come one after the other",
    .parameters = two,
    .expectations = expect_rebuild_against_create,
    .setup = setup_empty,
    .thread = rebuild_or_create,
    .check = check_not_together,
};

static const treadle_scenario rebuild_against_use_row = {
    .name = "provider_factory/rebuild_against_use",
    .summary = "a provider is rebuilt while a request uses it; the old one is destroyed afterwards",
    .parameters = two,
    .expectations = expect_rebuild_against_use,
    .setup = setup_one,
    .thread = rebuild_or_use,
    .check = check_closed,
};

static const treadle_scenario two_rebuilds_row = {
    .name = "provider_factory/two_rebuilds",
    .summary = "two threads rebuild one provider each; the outcome is that of a serial order",
    .parameters = two,
    .expectations = expect_two_rebuilds,
    .setup = setup_two,
    .thread = rebuild_own,
    .check = check_rebuilds,
    .serial_outcomes = true,
};

static const treadle_scenario rebuild_failure_row = {
    .name = "provider_factory/rebuild_failure",
    .summary = "one of two constructors of a rebuild fails; nothing has changed",
    .parameters = one,
    .expectations = expect_rebuild_failure,
    .setup = setup_two,
    .thread = rebuild_and_fail,
    .check = check_closed,
};

static const treadle_scenario linearizable_row = {
    .name = "provider_factory/linearizable",
    .summary = "one thread creates and takes a snapshot, one rebuilds two others; an order of the "
               "calls explains it all",
    .parameters = two,
    .expectations = expect_linearizable,
    .setup = setup_linearizable,
    .thread = mixed_calls,
    .check = check_linearizable,
};

static const treadle_scenario refused_row = {
    .name = "provider_factory/refused",
    .summary =
        "one thread: disabled, of unknown type, failing; nothing is registered, and why is said",
    .parameters = one,
    .expectations = expect_refused,
    .setup = setup_empty,
    .thread = be_refused,
    .check = check_closed,
    .no_baseline = "one thread: nothing interleaves",
};

static const treadle_scenario sequential_row = {
    .name = "provider_factory/sequential",
    .summary = "one thread, many calls; every answer is the model's",
    .parameters = one,
    .expectations = expect_sequential,
    .setup = setup_one,
    .thread = sequential,
    .check = check_sequential,
    .no_baseline = "one thread: nothing interleaves",
};

const treadle_scenario *const treadle_provider_factory[] = {
    &lost_insert_row,
    &one_construction_row,
    &second_create_row,
    &reader_in_resize_row,
    &slow_constructor_row,
    &failed_construction_row,
    &cancelled_builder_row,
    &cancelled_waiter_row,
    &remove_against_use_row,
    &remove_against_create_row,
    &snapshot_consistency_row,
    &rebuild_against_add_row,
    &rebuild_against_create_row,
    &rebuild_against_use_row,
    &two_rebuilds_row,
    &rebuild_failure_row,
    &linearizable_row,
    &refused_row,
    &sequential_row,
    NULL,
};
