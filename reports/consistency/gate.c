// SPDX-License-Identifier: MIT
#include "reports/consistency/gate.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "reports/consistency/parts.h"
#include "reports/json_values.h"

typedef struct rule {
    size_t line;
    bool allows;                                                /* under `allow` */
    char *scenarios, *variant, *backend, *granularity, *reason; /* NULL = all, or none */
    bool sampled_is_enough;
    bool unknown_allowed;
} rule;

struct treadle_gate {
    char *path;
    rule *rules;
    size_t count;
};

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reader {
    treadle_gate *gate;
    yaml_document_t document;
    char *error;
    size_t error_size;
} reader;

static bool complain(const reader *self, const yaml_node_t *node, const char *what)
{
    snprintf(self->error, self->error_size, "%s:%zu: %s", self->gate->path,
             node->start_mark.line + 1, what);
    return false;
}

static yaml_node_t *node_of(reader *self, int index)
{
    return yaml_document_get_node(&self->document, index);
}

static const char *scalar_of(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* One of two words. */
static bool read_choice(const reader *self, const yaml_node_t *node, const char *key,
                        const char *no, const char *yes, bool *out)
{
    const char *text = scalar_of(node);
    if (text != NULL && (strcmp(text, no) == 0 || strcmp(text, yes) == 0)) {
        *out = strcmp(text, yes) == 0;
        return true;
    }
    char what[200];
    snprintf(what, sizeof what, "%s is \"%.60s\"; it takes %s or %s", key,
             text != NULL ? text : "a list", no, yes);
    return complain(self, node, what);
}

static bool read_text(const reader *self, const yaml_node_t *node, const char *key, char **out)
{
    const char *text = scalar_of(node);
    if (text == NULL || text[0] == '\0') {
        char what[100];
        snprintf(what, sizeof what, "%s takes a text", key);
        return complain(self, node, what);
    }
    free(*out);
    *out = strdup(text);
    return *out != NULL || complain(self, node, "out of memory");
}

static bool read_member(reader *self, const yaml_node_t *key, const yaml_node_t *value, rule *out)
{
    const char *name = scalar_of(key);
    const struct {
        const char *name;
        char **text;
    } texts[] = {{"scenarios", &out->scenarios},
                 {"variant", &out->variant},
                 {"backend", &out->backend},
                 {"granularity", &out->granularity},
                 {out->allows ? "reason" : "", &out->reason}};
    for (size_t i = 0; name != NULL && i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(texts[i].name, name) == 0) {
            return read_text(self, value, name, texts[i].text);
        }
    }
    if (name != NULL && !out->allows && strcmp(name, "at-least") == 0) {
        return read_choice(self, value, name, "holds", "no-violation-found",
                           &out->sampled_is_enough);
    }
    if (name != NULL && !out->allows && strcmp(name, "unknown") == 0) {
        return read_choice(self, value, name, "fail", "allow", &out->unknown_allowed);
    }
    char what[200];
    snprintf(what, sizeof what,
             "unknown key \"%.60s\"; there are scenarios, variant, backend, granularity%s",
             name != NULL ? name : "", out->allows ? " and reason" : ", at-least and unknown");
    return complain(self, key, what);
}

/* The names that a rule gives are names that there are: a typing error is no gate. */
static bool check_names(const reader *self, const yaml_node_t *node, const rule *read)
{
    treadle_backend backend;
    char what[200] = "";
    if (read->scenarios == NULL || read->variant == NULL) {
        snprintf(what, sizeof what, "a rule needs scenarios and variant");
    } else if (read->allows && read->reason == NULL) {
        snprintf(what, sizeof what, "what is allowed needs a reason");
    } else if (read->backend != NULL && !treadle_backend_parse(read->backend, &backend)) {
        snprintf(what, sizeof what, "unknown backend \"%.60s\"; there are memory and redis",
                 read->backend);
    } else if (read->granularity != NULL &&
               treadle_granularity_parse(read->granularity) == TREADLE_GRANULARITY_NONE) {
        snprintf(what, sizeof what,
                 "unknown granularity \"%.60s\"; there are await, sync and memory",
                 read->granularity);
    }
    return what[0] == '\0' || complain(self, node, what);
}

static bool read_rule(reader *self, const yaml_node_t *node, bool allows)
{
    rule *grown = reallocarray(self->gate->rules, self->gate->count + 1, sizeof *grown);
    if (grown == NULL) {
        return complain(self, node, "out of memory");
    }
    self->gate->rules = grown;
    rule *out = &grown[self->gate->count++];
    *out = (rule){.line = node->start_mark.line + 1, .allows = allows};
    if (node->type != YAML_MAPPING_NODE) {
        return complain(self, node, "a rule is a mapping, like \"scenarios: memory_store/*\"");
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        if (!read_member(self, node_of(self, pair->key), node_of(self, pair->value), out)) {
            return false;
        }
    }
    return check_names(self, node, out);
}

static bool read_list(reader *self, const yaml_node_t *key, const yaml_node_t *list)
{
    const char *name = scalar_of(key);
    const bool allows = name != NULL && strcmp(name, "allow") == 0;
    if (name == NULL || (!allows && strcmp(name, "must-hold") != 0)) {
        char what[200];
        snprintf(what, sizeof what, "unknown key \"%.60s\"; there are must-hold and allow",
                 name != NULL ? name : "");
        return complain(self, key, what);
    }
    if (list->type != YAML_SEQUENCE_NODE) {
        return complain(self, list,
                        allows ? "allow takes a list of rules" : "must-hold takes a list of rules");
    }
    for (const yaml_node_item_t *item = list->data.sequence.items.start;
         item < list->data.sequence.items.top; item++) {
        if (!read_rule(self, node_of(self, *item), allows)) {
            return false;
        }
    }
    return true;
}

static bool read_document(reader *self)
{
    const yaml_node_t *root = yaml_document_get_root_node(&self->document);
    if (root == NULL || root->type != YAML_MAPPING_NODE) {
        snprintf(self->error, self->error_size,
                 "%s:1: a gate is a mapping with the lists must-hold and allow", self->gate->path);
        return false;
    }
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top; pair++) {
        if (!read_list(self, node_of(self, pair->key), node_of(self, pair->value))) {
            return false;
        }
    }
    for (size_t i = 0; i < self->gate->count; i++) {
        if (!self->gate->rules[i].allows) {
            return true;
        }
    }
    return complain(self, root, "must-hold lists nothing, so that nothing could fail");
}

/* What a second document says would not be looked at. */
static bool is_last(const reader *self, yaml_parser_t *parser)
{
    yaml_document_t next;
    if (!yaml_parser_load(parser, &next)) {
        snprintf(self->error, self->error_size, "%s:%zu: %s", self->gate->path,
                 parser->problem_mark.line + 1,
                 parser->problem != NULL ? parser->problem : "no YAML");
        return false;
    }
    const yaml_node_t *more = yaml_document_get_root_node(&next);
    const bool last = more == NULL || complain(self, more, "a gate is one document, not two");
    yaml_document_delete(&next);
    return last;
}

static bool read_file(reader *self, FILE *in)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        snprintf(self->error, self->error_size, "out of memory");
        return false;
    }
    yaml_parser_set_input_file(&parser, in);
    bool read = false;
    if (!yaml_parser_load(&parser, &self->document)) {
        snprintf(self->error, self->error_size, "%s:%zu: %s", self->gate->path,
                 parser.problem_mark.line + 1, parser.problem != NULL ? parser.problem : "no YAML");
    } else {
        read = read_document(self);
        yaml_document_delete(&self->document);
        read = read && is_last(self, &parser);
    }
    yaml_parser_delete(&parser);
    return read;
}

treadle_gate *treadle_gate_read(const char *path, char *error, size_t error_size)
{
    treadle_gate *gate = calloc(1, sizeof *gate);
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
        free(gate);
        return NULL;
    }
    bool read = false;
    if (gate == NULL || (gate->path = strdup(path)) == NULL) {
        snprintf(error, error_size, "out of memory");
    } else {
        reader self = {.gate = gate, .error = error, .error_size = error_size};
        read = read_file(&self, in);
    }
    fclose(in);
    if (!read) {
        treadle_gate_free(gate);
        return NULL;
    }
    return gate;
}

void treadle_gate_free(treadle_gate *gate)
{
    for (size_t i = 0; gate != NULL && i < gate->count; i++) {
        rule *own = &gate->rules[i];
        free(own->scenarios);
        free(own->variant);
        free(own->backend);
        free(own->granularity);
        free(own->reason);
    }
    if (gate != NULL) {
        free(gate->rules);
        free(gate->path);
        free(gate);
    }
}

/* ---- applying -------------------------------------------------------------------------------- */

static bool fits(const char *wanted, const json_t *cell, const char *key)
{
    return wanted == NULL || strcmp(wanted, treadle_text_of(cell, key)) == 0;
}

static bool matches(const rule *of, const json_t *cell)
{
    return fnmatch(of->scenarios, treadle_text_of(cell, "scenario"), FNM_EXTMATCH) == 0 &&
           fits(of->variant, cell, "variant") && fits(of->backend, cell, "backend") &&
           fits(of->granularity, cell, "granularity");
}

static const rule *allowed_by(const treadle_gate *gate, const json_t *cell)
{
    for (size_t i = 0; i < gate->count; i++) {
        if (gate->rules[i].allows && matches(&gate->rules[i], cell)) {
            return &gate->rules[i];
        }
    }
    return NULL;
}

static bool passes(const rule *of, const json_t *cell)
{
    const char *verdict = treadle_text_of(cell, "verdict");
    return strcmp(verdict, "holds") == 0 ||
           (of->sampled_is_enough && strcmp(verdict, "no-violation-found") == 0) ||
           (of->unknown_allowed && strcmp(verdict, "unknown") == 0);
}

static json_t *cell_line(const json_t *cell, const char *reason)
{
    return json_pack("{s:O, s:O, s:o}", "cell", json_object_get(cell, "id"), "verdict",
                     json_object_get(cell, "verdict"), "reason", treadle_json_text(reason));
}

static json_t *apply_rule(const treadle_gate *gate, const rule *of, const json_t *cells)
{
    json_t *failing = json_array();
    json_t *allowed = json_array();
    json_int_t matched = 0;
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        if (!matches(of, cell)) {
            continue;
        }
        matched++;
        const rule *exception = passes(of, cell) ? NULL : allowed_by(gate, cell);
        if (exception != NULL) {
            json_array_append_new(allowed, cell_line(cell, exception->reason));
        } else if (!passes(of, cell)) {
            json_array_append_new(failing, cell_line(cell, NULL));
        }
    }
    const bool passed = matched > 0 && json_array_size(failing) == 0;
    return json_pack("{s:I, s:s, s:s, s:o, s:o, s:s, s:b, s:I, s:b, s:o, s:o}", "line",
                     (json_int_t)of->line, "scenarios", of->scenarios, "variant", of->variant,
                     "backend", treadle_json_text(of->backend), "granularity",
                     treadle_json_text(of->granularity), "at_least",
                     of->sampled_is_enough ? "no-violation-found" : "holds", "unknown_allowed",
                     of->unknown_allowed, "matched", matched, "passed", passed, "failing", failing,
                     "allowed", allowed);
}

json_t *treadle_gate_apply(const treadle_gate *gate, const json_t *cells)
{
    json_t *rules = json_array();
    bool passed = true;
    for (size_t i = 0; rules != NULL && i < gate->count; i++) {
        if (gate->rules[i].allows) {
            continue;
        }
        json_t *applied = apply_rule(gate, &gate->rules[i], cells);
        passed &= json_is_true(json_object_get(applied, "passed"));
        if (json_array_append_new(rules, applied) != 0) {
            json_decref(rules);
            return NULL;
        }
    }
    const char *slash = strrchr(gate->path, '/');
    return json_pack("{s:o, s:b, s:o}", "file",
                     treadle_json_text(slash != NULL ? slash + 1 : gate->path), "passed", passed,
                     "rules", rules);
}

treadle_gate_status treadle_gate_status_of(const json_t *applied)
{
    if (json_is_true(json_object_get(applied, "passed"))) {
        return TREADLE_GATE_PASSED;
    }
    size_t r;
    const json_t *rule_line;
    json_array_foreach(json_object_get(applied, "rules"), r, rule_line)
    {
        const json_t *failing = json_object_get(rule_line, "failing");
        if (json_integer_value(json_object_get(rule_line, "matched")) == 0) {
            return TREADLE_GATE_FAILED;
        }
        size_t i;
        const json_t *cell;
        json_array_foreach(failing, i, cell)
        {
            if (strcmp(treadle_text_of(cell, "verdict"), "unknown") != 0) {
                return TREADLE_GATE_FAILED;
            }
        }
    }
    return TREADLE_GATE_UNKNOWN;
}
