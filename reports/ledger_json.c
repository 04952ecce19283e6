// SPDX-License-Identifier: MIT
/* The claims ledger as one JSON object a line, in a fixed order of keys. */
#include <errno.h>
#include <stdlib.h>

#include "reports/describe.h"
#include "reports/json_values.h"
#include "reports/ledger_writer.h"

static int add_evidence(json_t *line, const treadle_finding *finding)
{
    const treadle_result *evidence = finding->evidence;
    char what[TREADLE_DETAIL_MAX];
    char where[256];
    treadle_ledger_describe(finding, where, sizeof where, what, sizeof what);
    int failed = 0;
    failed |= json_object_set_new(
        line, "granularity",
        treadle_json_text(evidence ? treadle_granularity_name(evidence->cell.granularity) : NULL));
    failed |= json_object_set_new(
        line, "verdict",
        treadle_json_text(evidence ? treadle_verdict_name(evidence->verdict) : NULL));
    failed |= json_object_set_new(line, "evidence", treadle_json_text(what));
    failed |=
        json_object_set_new(line, "token", treadle_json_text(evidence ? evidence->token : NULL));
    return failed;
}

static int write_finding(FILE *out, const treadle_finding *finding)
{
    const treadle_claim *claim = finding->claim;
    const size_t component = treadle_component_length(claim->scenario);
    json_t *line = json_object();
    if (line == NULL) {
        return ENOMEM;
    }
    int failed = 0;
    failed |= json_object_set_new(line, "claim", treadle_json_text(claim->id));
    failed |= json_object_set_new(line, "source", treadle_json_text(claim->source));
    failed |=
        json_object_set_new(line, "component", treadle_json_bytes(claim->scenario, component));
    failed |= json_object_set_new(line, "text", treadle_json_text(claim->text));
    failed |= json_object_set_new(line, "defect", json_boolean(treadle_claim_is_defect(claim)));
    failed |= json_object_set_new(line, "ruling",
                                  treadle_json_text(treadle_ruling_name(finding->ruling)));
    failed |= json_object_set_new(line, "scenario", treadle_json_text(claim->scenario));
    failed |= json_object_set_new(line, "variant", treadle_json_text(claim->variant));
    failed |= json_object_set_new(line, "backend",
                                  treadle_json_text(treadle_backend_name(claim->backend)));
    failed |= add_evidence(line, finding);
    if (failed) {
        json_decref(line);
        return ENOMEM;
    }
    return treadle_json_print(line, out);
}

static int write_ledger(const treadle_ledger *ledger, FILE *out)
{
    int error = 0;
    for (size_t i = 0; i < treadle_ledger_count(ledger) && !error; i++) {
        const treadle_finding finding = treadle_ledger_finding(ledger, i);
        error = write_finding(out, &finding);
    }
    return error;
}

const treadle_ledger_writer treadle_ledger_json = {.name = "json", .write = write_ledger};
