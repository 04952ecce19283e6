// SPDX-License-Identifier: MIT
#include "tools/cli/symbols.h"

#include <assert.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TREADLE_SOURCE_DIR
#error "the build must define TREADLE_SOURCE_DIR as the path of the source tree"
#endif

enum {
    TEXT_BYTES = 512,
    TABLE_BITS_FIRST = 8,
    TABLE_BITS_MAX = 20, /* more addresses than a program has sites; what comes after is unknown */
};

struct entry {
    uint64_t address;
    const char *text; /* NULL = free */
};

/* Texts by address: open addressing, at most half full. */
typedef struct table {
    struct entry *entries;
    unsigned bits; /* of the number of entries; 0 = none yet */
    size_t used;
} table;

static table code_texts;
static table data_texts;

static struct entry *slot_of(const table *self, uint64_t address)
{
    assert(self->bits > 0);
    const size_t mask = ((size_t)1 << self->bits) - 1;
    /* Fibonacci hashing: the high bits of the product depend on all of the address. */
    size_t i = (size_t)(address * UINT64_C(0x9E3779B97F4A7C15) >> (64 - self->bits));
    while (self->entries[i].text != NULL && self->entries[i].address != address) {
        i = (i + 1) & mask;
    }
    return &self->entries[i];
}

/* Makes room for one more. */
static bool reserve(table *self)
{
    if (self->bits > 0 && self->used < (size_t)1 << (self->bits - 1)) {
        return true;
    }
    table grown = {.bits = self->bits > 0 ? self->bits + 1 : TABLE_BITS_FIRST, .used = self->used};
    if (grown.bits > TABLE_BITS_MAX) {
        return false;
    }
    grown.entries = calloc((size_t)1 << grown.bits, sizeof *grown.entries);
    if (grown.entries == NULL) {
        return false;
    }
    for (size_t i = 0; self->bits > 0 && i < (size_t)1 << self->bits; i++) {
        if (self->entries[i].text != NULL) {
            *slot_of(&grown, self->entries[i].address) = self->entries[i];
        }
    }
    free(self->entries);
    *self = grown;
    return true;
}

/* The text of an address: a kept one, or what `describe` finds. */
static const char *text_of(table *self, uint64_t address, void (*describe)(char *, uint64_t))
{
    if (address == 0 || !reserve(self)) {
        return "";
    }
    struct entry *entry = slot_of(self, address);
    if (entry->text == NULL) {
        char text[TEXT_BYTES] = "";
        describe(text, address);
        const char *kept = text[0] != '\0' ? strdup(text) : "";
        if (kept == NULL) {
            return "";
        }
        *entry = (struct entry){.address = address, .text = kept};
        self->used++;
    }
    return entry->text;
}

/* This process as libdwfl sees it; NULL when that cannot be had. */
static Dwfl *session(void)
{
    static bool tried;
    static Dwfl *dwfl;
    /* Not dwfl_standard_find_debuginfo: that one may ask a server on the network. */
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_linux_proc_find_elf,
        .find_debuginfo = dwfl_build_id_find_debuginfo,
    };
    if (tried) {
        return dwfl;
    }
    tried = true;
    dwfl = dwfl_begin(&callbacks);
    if (dwfl == NULL) {
        return NULL;
    }
    const bool reported = dwfl_linux_proc_report(dwfl, getpid()) == 0;
    if (dwfl_report_end(dwfl, NULL, NULL) != 0 || !reported) {
        dwfl_end(dwfl);
        dwfl = NULL;
    }
    return dwfl;
}

static bool holds(Dwarf_Die *unit, Dwarf_Addr address)
{
    return dwarf_haspc(unit, address) == 1;
}

/* The compilation unit of an address. Units without an entry in .debug_aranges, which clang writes
 * only when told to, are found by looking at all of them. */
static Dwarf_Die *unit_of(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);
    if (unit != NULL && holds(unit, address - *bias)) {
        return unit;
    }
    for (unit = NULL; (unit = dwfl_module_nextcu(module, unit, bias)) != NULL;) {
        if (holds(unit, address - *bias)) {
            return unit;
        }
    }
    return NULL;
}

/* The name of the innermost function, inlined or not, at an address of the unit. */
static const char *function_of(Dwarf_Die *unit, Dwarf_Addr address)
{
    Dwarf_Die *scopes = NULL;
    const char *name = NULL;
    const int count = dwarf_getscopes(unit, address, &scopes);
    for (int i = 0; i < count && name == NULL; i++) {
        const int tag = dwarf_tag(&scopes[i]);
        if (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram) {
            name = dwarf_diename(&scopes[i]);
        }
    }
    free(scopes);
    return name;
}

/* The name of the ELF symbol around an address, and the offset in it. Symbols without a size are
 * passed over: libdwfl would give the nearest one, however far away. */
static const char *symbol_of(Dwfl_Module *module, uint64_t address, bool function, uint64_t *offset)
{
    GElf_Sym symbol;
    const char *name = dwfl_module_addrinfo(module, address, offset, &symbol, NULL, NULL, NULL);
    if (name == NULL || *offset >= symbol.st_size) {
        return NULL;
    }
    const int type = GELF_ST_TYPE(symbol.st_info);
    const bool fits = function ? type == STT_FUNC || type == STT_GNU_IFUNC
                               : type == STT_OBJECT || type == STT_COMMON;
    return fits ? name : NULL;
}

/* Takes "folder/.." out of a path, as an include of "../header.h" leaves it. */
static void collapse(char *path)
{
    for (char *up; (up = strstr(path, "/../")) != NULL && up != path;) {
        char *folder = up;
        while (folder > path && folder[-1] != '/') {
            folder--;
        }
        if (strncmp(folder, "../", 3) == 0) {
            return;
        }
        memmove(folder, up + 4, strlen(up + 4) + 1);
    }
}

/* A path as a person of this project would write it; lives until the next call. */
static const char *shortened(const char *given)
{
    static char path_text[TEXT_BYTES];
    snprintf(path_text, sizeof path_text, "%s", given);
    collapse(path_text);
    const char *path = path_text;
    static const char root[] = TREADLE_SOURCE_DIR;
    size_t length = sizeof root - 1;
    while (length > 0 && root[length - 1] == '/') {
        length--;
    }
    if (length > 0 && strncmp(path, root, length) == 0 && path[length] == '/') {
        path += length;
        path += strspn(path, "/");
    }
    return strncmp(path, "./", 2) == 0 ? path + 2 : path;
}

static void describe_code(char *text, uint64_t return_address)
{
    /* The instruction after a call may belong to another line, or to another function. */
    const uint64_t address = return_address - 1;
    Dwfl_Module *module = session() == NULL ? NULL : dwfl_addrmodule(session(), address);
    if (module == NULL) {
        return;
    }
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = unit_of(module, address, &bias);
    const char *function = unit == NULL ? NULL : function_of(unit, address - bias);
    Dwarf_Line *place = unit == NULL ? NULL : dwarf_getsrc_die(unit, address - bias);
    const char *file = place == NULL ? NULL : dwarf_linesrc(place, NULL, NULL);
    int line = 0;
    if (function == NULL) {
        uint64_t offset;
        function = symbol_of(module, address, true, &offset);
    }
    if (function == NULL) {
        return;
    }
    if (file == NULL) {
        snprintf(text, TEXT_BYTES, "%s", function);
    } else if (dwarf_lineno(place, &line) != 0 || line == 0) {
        snprintf(text, TEXT_BYTES, "%s %s", function, shortened(file));
    } else {
        snprintf(text, TEXT_BYTES, "%s %s:%d", function, shortened(file), line);
    }
}

typedef struct nearest {
    uint64_t address;
    Dwfl_Module *module;
    Dwarf_Addr start;
} nearest;

static int consider(Dwfl_Module *module, void **own, const char *name, Dwarf_Addr start,
                    void *context)
{
    (void)own;
    (void)name;
    nearest *best = context;
    if (start <= best->address && (best->module == NULL || start > best->start)) {
        best->module = module;
        best->start = start;
    }
    return DWARF_CB_OK;
}

/* The module that starts last before an address. A .bss has no file behind it, so that for
 * dwfl_addrmodule() it lies in no module, or in another one; the size of a symbol tells in the end
 * whether the address is in it. */
static Dwfl_Module *data_module(Dwfl *dwfl, uint64_t address)
{
    nearest best = {.address = address};
    dwfl_getmodules(dwfl, consider, &best, 0);
    return best.module;
}

/* The length of a name without the number that compilers put behind those of local statics. */
static int base_length(const char *name)
{
    const size_t length = strlen(name);
    size_t end = length;
    while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') {
        end--;
    }
    const bool numbered = end < length && end > 1 && name[end - 1] == '.';
    return (int)(numbered ? end - 1 : length);
}

static void describe_data(char *text, uint64_t address)
{
    Dwfl_Module *module = session() == NULL ? NULL : data_module(session(), address);
    uint64_t offset = 0;
    const char *name = module == NULL ? NULL : symbol_of(module, address, false, &offset);
    if (name == NULL) {
        return;
    }
    const int length = base_length(name);
    if (offset == 0) {
        snprintf(text, TEXT_BYTES, "%.*s", length, name);
    } else {
        snprintf(text, TEXT_BYTES, "%.*s+%" PRIu64, length, name, offset);
    }
}

const char *treadle_symbolize(uint64_t address)
{
    return text_of(&code_texts, address, describe_code);
}

const char *treadle_symbolize_data(uint64_t address)
{
    return text_of(&data_texts, address, describe_data);
}
