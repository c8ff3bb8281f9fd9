#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "domain/audit_entry.hpp"

namespace updraft {

class AuditLog;

/// SHA-256 of canonical_form(), 64 lower-case hex digits.
[[nodiscard]] std::string chained_hash(std::string_view previous_hash, const AuditEntry& entry);

/// Where the chain does not hold.
struct AuditBreak {
    std::int64_t seq = 0;  ///< the first entry that is wrong or missing
    Text what;
};

/// What a look through the whole log has found.
struct AuditCheck {
    AuditHead head;            ///< as the log says of itself
    std::int64_t entries = 0;  ///< that were read
    std::optional<AuditBreak> broken;
};

/// Recomputes the hash of every entry, in order, up to the first that does not hold: changed,
/// removed, exchanged, or cut off behind the last. `noted` is a place that somebody kept elsewhere:
/// it must still be in the chain, so that a log that was cut and closed again is found too.
[[nodiscard]] AuditCheck check_chain(const AuditLog& log, const std::optional<AuditLink>& noted);

}  // namespace updraft
