#include "app/audit_chain.hpp"

#include "app/access_passwords.hpp"
#include "app/ports.hpp"

namespace updraft {
namespace {

AuditBreak missing(std::int64_t seq) {
    return {seq, {"此条记录缺失", "this entry is missing"}};
}

/// The stored hash does not fit the entry. If the entry behind it was chained to what the entry
/// says, the hash was altered; else the entry.
AuditBreak altered(const AuditEntry& entry, const std::string& expected,
                   const std::optional<AuditEntry>& next) {
    if (next && chained_hash(expected, *next) == next->hash) {
        return {entry.seq,
                text("记录的哈希被更改: 应为 {}, 实为 {}",
                     "its hash was altered: it should be {} and is {}", expected, entry.hash)};
    }
    return {entry.seq,
            text("内容与哈希不符: 内容的哈希为 {}, 记录的哈希为 {}",
                 "its content does not match its hash: the content's is {}, the stored one {}",
                 expected, entry.hash)};
}

}  // namespace

std::string chained_hash(std::string_view previous_hash, const AuditEntry& entry) {
    return secret_sha256(canonical_form(previous_hash, entry));
}

AuditCheck check_chain(const AuditLog& log, const std::optional<AuditLink>& noted) {
    AuditCheck check;
    check.head = log.head();
    AuditLink at = check.head.anchor;
    bool noted_found = !noted || *noted == at;
    log.each_after(at.seq, [&](const AuditEntry& entry) {
        if (entry.seq != at.seq + 1) {
            check.broken = missing(at.seq + 1);
            return false;
        }
        const std::string expected = chained_hash(at.hash, entry);
        if (expected != entry.hash) {
            check.broken = altered(entry, expected, log.find(entry.seq + 1));
            return false;
        }
        ++check.entries;
        at = {entry.seq, entry.hash};
        noted_found = noted_found || *noted == at;
        return true;
    });
    if (check.broken) {
        return check;
    }
    if (at.seq < check.head.last.seq) {
        check.broken = missing(at.seq + 1);
    } else if (at != check.head.last) {
        check.broken =
            AuditBreak{at.seq, text("链头记为 {}:{}, 最后一条为 {}:{}",
                                    "the head is noted as {}:{}, and the last entry is {}:{}",
                                    check.head.last.seq, check.head.last.hash, at.seq, at.hash)};
    } else if (!noted_found) {
        check.broken =
            noted->seq > at.seq ? missing(at.seq + 1)
            : noted->seq < check.head.anchor.seq
                ? AuditBreak{noted->seq,
                             text("早于保留的最早记录 {}, 无法核对",
                                  "it is older than the first entry kept, {}: it cannot be checked",
                                  check.head.anchor.seq + 1)}
                : AuditBreak{noted->seq,
                             text("此条的哈希不是先前记下的 {}",
                                  "its hash is not {}, which was noted earlier", noted->hash)};
    }
    return check;
}

}  // namespace updraft
