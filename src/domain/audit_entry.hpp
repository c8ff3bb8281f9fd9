#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/text.hpp"

namespace updraft {

/// What an operator spoke through. Stored and sent by name.
enum class AuditVia : std::uint8_t {
    nobody,   ///< not signed in: a sign-in, or the first set-up
    session,  ///< a sign-in with a password
    token,    ///< a machine token
    system,   ///< the server by itself, or its command line on the data folder
    unknown,  ///< a stored word that is none of these: never written
};

/// What became of an operator's action.
enum class AuditOutcome : std::uint8_t { done, refused, unknown };

[[nodiscard]] std::string_view name_of(AuditVia via);
[[nodiscard]] std::string_view name_of(AuditOutcome outcome);
[[nodiscard]] Text label_of(AuditVia via);
[[nodiscard]] Text label_of(AuditOutcome outcome);
[[nodiscard]] AuditVia audit_via_named(std::string_view name);
[[nodiscard]] AuditOutcome audit_outcome_named(std::string_view name);

/// One action of an operator: who, from where, what, before and after. Entries are numbered 1, 2, 3
/// without gaps, and the hash of each covers the one before it (docs/operating/audit.md).
struct AuditEntry {
    std::int64_t seq = 0;
    Instant at;  ///< when the server received the request
    UserId user;
    std::string username;  ///< of a refused sign-in: whom it named, if there is such a user
    AuditVia via = AuditVia::nobody;
    std::string token_name;  ///< of a machine token
    std::string address;     ///< the client's, without its port
    std::string proxy;  ///< the trusted proxy that named the client; empty: it spoke to us itself
    std::string user_agent;
    std::string action;  ///< "firmware.create"
    std::string object_type;
    std::string object_id;  ///< empty: several objects, or none
    std::string object_name;
    AuditOutcome outcome = AuditOutcome::done;
    std::string error_code;  ///< of a refusal
    std::string before;      ///< JSON object; empty: there was nothing
    std::string after;       ///< JSON object; empty: there is nothing
    std::string hash;        ///< SHA-256 of canonical_form(), 64 lower-case hex digits

    friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

/// A place in the chain: an entry and its hash.
struct AuditLink {
    std::int64_t seq = 0;
    std::string hash = std::string(64, '0');  ///< before the first entry: zeros
    friend bool operator==(const AuditLink&, const AuditLink&) = default;
};

/// The two ends of the log: its last entry, and the one behind which it begins now, because older
/// ones were pruned.
struct AuditHead {
    AuditLink last;
    AuditLink anchor;
};

/// The bytes that an entry's hash is made of: "updraft-audit-1", the hash before it, and every
/// field but its own hash, each as `<length in bytes>:<bytes>,`. `entry.hash` plays no part.
[[nodiscard]] std::string canonical_form(std::string_view previous_hash, const AuditEntry& entry);

}  // namespace updraft
