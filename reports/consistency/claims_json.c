// SPDX-License-Identifier: MIT
#include "reports/consistency/parts.h"
#include "reports/json_values.h"
#include "reports/ledger_writer.h"

static json_t *claim_json(const treadle_finding *finding, const json_t *cells)
{
    char where[3 * TREADLE_NAME_MAX] = "";
    char what[TREADLE_PROPERTY_MAX + TREADLE_MESSAGE_MAX + 4] = "";
    treadle_ledger_describe(finding, where, sizeof where, what, sizeof what);
    const json_t *cell = treadle_find_cell(cells, where);
    const treadle_result *evidence = finding->evidence;
    return json_pack(
        "{s:s, s:s, s:o, s:s, s:b, s:o, s:o, s:o, s:o}", "id", finding->claim->id, "source",
        finding->claim->source, "text", treadle_json_text(finding->claim->text), "ruling",
        treadle_ruling_name(finding->ruling), "defect",
        finding->ruling != TREADLE_RULING_FALSE && treadle_claim_is_defect(finding->claim), "cell",
        treadle_json_text(where), "evidence", treadle_json_text(what), "counterexample",
        treadle_json_text(treadle_text_of(cell, "counterexample")), "token",
        treadle_json_text(evidence != NULL ? evidence->token : NULL));
}

json_t *treadle_claims_json(const treadle_ledger *ledger, const json_t *cells)
{
    json_t *claims = json_array();
    const size_t count = ledger != NULL ? treadle_ledger_count(ledger) : 0;
    for (size_t i = 0; claims != NULL && i < count; i++) {
        const treadle_finding finding = treadle_ledger_finding(ledger, i);
        if (json_array_append_new(claims, claim_json(&finding, cells)) != 0) {
            json_decref(claims);
            return NULL;
        }
    }
    return claims;
}
