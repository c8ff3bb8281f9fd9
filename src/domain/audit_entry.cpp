#include "domain/audit_entry.hpp"

namespace updraft {
namespace {

constexpr std::string_view form_name = "updraft-audit-1";

void put(std::string& form, std::string_view field) {
    form += std::to_string(field.size());
    form += ':';
    form += field;
    form += ',';
}

}  // namespace

std::string_view name_of(AuditVia via) {
    switch (via) {
        case AuditVia::nobody:
            return "nobody";
        case AuditVia::session:
            return "session";
        case AuditVia::token:
            return "token";
        case AuditVia::system:
            return "system";
        case AuditVia::unknown:
            break;
    }
    return "unknown";
}

Text label_of(AuditVia via) {
    switch (via) {
        case AuditVia::nobody:
            return {"未登录", "Not signed in"};
        case AuditVia::session:
            return {"登录", "Sign-in"};
        case AuditVia::token:
            return {"机器令牌", "Machine token"};
        case AuditVia::system:
            return {"系统", "System"};
        case AuditVia::unknown:
            break;
    }
    return {"未知", "Unknown"};
}

std::string_view name_of(AuditOutcome outcome) {
    switch (outcome) {
        case AuditOutcome::done:
            return "done";
        case AuditOutcome::refused:
            return "refused";
        case AuditOutcome::unknown:
            break;
    }
    return "unknown";
}

Text label_of(AuditOutcome outcome) {
    switch (outcome) {
        case AuditOutcome::done:
            return {"已执行", "Done"};
        case AuditOutcome::refused:
            return {"被拒绝", "Refused"};
        case AuditOutcome::unknown:
            break;
    }
    return {"未知", "Unknown"};
}

AuditVia audit_via_named(std::string_view name) {
    for (const AuditVia via :
         {AuditVia::nobody, AuditVia::session, AuditVia::token, AuditVia::system}) {
        if (name == name_of(via)) {
            return via;
        }
    }
    return AuditVia::unknown;
}

AuditOutcome audit_outcome_named(std::string_view name) {
    for (const AuditOutcome outcome : {AuditOutcome::done, AuditOutcome::refused}) {
        if (name == name_of(outcome)) {
            return outcome;
        }
    }
    return AuditOutcome::unknown;
}

std::string canonical_form(std::string_view previous_hash, const AuditEntry& entry) {
    std::string form;
    put(form, form_name);
    put(form, previous_hash);
    put(form, std::to_string(entry.seq));
    put(form, std::to_string(to_millis(entry.at)));
    put(form, entry.user.value);
    put(form, entry.username);
    put(form, name_of(entry.via));
    put(form, entry.token_name);
    put(form, entry.address);
    put(form, entry.proxy);
    put(form, entry.user_agent);
    put(form, entry.action);
    put(form, entry.object_type);
    put(form, entry.object_id);
    put(form, entry.object_name);
    put(form, name_of(entry.outcome));
    put(form, entry.error_code);
    put(form, entry.before);
    put(form, entry.after);
    return form;
}

}  // namespace updraft
