#include "app/audit.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "app/access_passwords.hpp"
#include "base/bytes.hpp"
#include "base/cut_text.hpp"
#include "base/log.hpp"
#include "domain/names.hpp"

namespace updraft {
namespace {

namespace json = boost::json;

constexpr std::string_view marker = "***";
constexpr std::string_view marker_changed = "*** (changed)";
constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t cut_facts_bytes = 256;  ///< what cutting adds of its own

/// Names that strangers typed: whole UTF-8 characters, bounded.
std::string plain(std::string_view text) {
    if (is_utf8(text)) {
        return std::string(cut(text, name_bytes_max));
    }
    std::string ascii(text.substr(0, name_bytes_max));
    std::ranges::replace_if(
        ascii, [](char c) { return static_cast<unsigned char>(c) >= 0x80U; }, '?');
    return ascii;
}

void hide(json::object& object, const Configuration& mine, const Configuration* before) {
    json::object hidden;
    for (const auto& [key, value] : mine) {
        const auto old = before != nullptr ? before->find(key) : mine.end();
        const bool changed = before != nullptr && old != before->end() && old->second != value;
        hidden[key] = changed ? marker_changed : marker;
    }
    object["configuration"] = std::move(hidden);
}

json::object shown(const AuditedObject& object, const AuditedObject* before) {
    json::object shown = object.json;
    if (object.configuration) {
        hide(shown, *object.configuration,
             before != nullptr && before->configuration ? &*before->configuration : nullptr);
    }
    if (!object.password.empty()) {
        const bool changed = before != nullptr && before->password != object.password;
        shown["password"] = changed ? marker_changed : marker;
    }
    return shown;
}

/// JSON text within the limit; of a longer one its size, digest and beginning.
std::string bounded(const json::object& object, std::size_t bytes_max) {
    std::string whole = json::serialize(object);
    if (whole.size() <= bytes_max) {
        return whole;
    }
    // Quotes and escapes of the beginning may double it.
    const std::size_t room = bytes_max > cut_facts_bytes ? (bytes_max - cut_facts_bytes) / 2 : 0;
    return json::serialize(json::object{{"cut", true},
                                        {"bytes", whole.size()},
                                        {"sha256", secret_sha256(whole)},
                                        {"begins", cut(whole, room)}});
}

}  // namespace

AuditEntry AuditNote::entry() const {
    AuditEntry entry;
    entry.at = by_.at;
    entry.user = by_.who.user;
    entry.username = plain(by_.who.username);
    entry.via = by_.via;
    entry.token_name = plain(by_.who.token_name);
    entry.address = plain(by_.address);
    entry.proxy = plain(by_.proxy);
    entry.user_agent = plain(by_.user_agent);
    entry.action = by_.action;
    entry.object_type = by_.action.substr(0, by_.action.find('.'));
    const std::size_t half = by_.entry_bytes_max / 2;
    json::object after;
    if (objects_ == 1) {
        const AuditedObject& object = after_ ? *after_ : before_ ? *before_ : *about_;
        entry.object_type = object.type;
        entry.object_id = plain(object.id);
        entry.object_name = plain(object.name);
        if (before_) {
            entry.before = bounded(shown(*before_, nullptr), half);
        }
        if (after_) {
            after = shown(*after_, before_ ? &*before_ : nullptr);
        }
    } else if (objects_ > 1) {
        json::array ids(first_ids_.begin(), first_ids_.end());
        after = {{"count", objects_},
                 {"added", added_},
                 {"changed", changed_},
                 {"removed", removed_},
                 {"firstIds", std::move(ids)}};
    }
    for (const auto& [member, value] : facts_) {
        after.insert_or_assign(member, value);
    }
    entry.after = after.empty() ? std::string() : bounded(after, half);
    return entry;
}

void AuditNote::write(UnitOfWork& work) const {
    work.audit().append(entry());
    by_.noted = true;
}

std::optional<std::int64_t> AuditService::admit(AuditVia via) {
    const std::scoped_lock lock(mutex_);
    Bucket& bucket = via == AuditVia::nobody ? strangers_ : signed_in_;
    const double size = std::max(options_.refusals_per_minute, 1);
    const Instant now = clock_.now();
    const double minutes =
        std::max(0.0, std::chrono::duration<double>(now - bucket.at).count() / 60.0);
    bucket.tokens = bucket.tokens < 0 ? size : std::min(size, bucket.tokens + minutes * size);
    bucket.at = now;
    if (bucket.tokens < 1) {
        ++bucket.dropped;
        ++not_stored_;
        return std::nullopt;
    }
    bucket.tokens -= 1;
    return std::exchange(bucket.dropped, 0);
}

void AuditService::refused(const Actor& by, std::string_view object_id,
                           std::string_view error_code) {
    const std::optional<std::int64_t> dropped = admit(by.via);
    if (!dropped) {
        return;
    }
    AuditNote note(by);
    if (*dropped > 0) {
        note.also("refusalsNotStored", *dropped);
    }
    AuditEntry entry = note.entry();
    entry.object_id = plain(object_id);
    entry.outcome = AuditOutcome::refused;
    entry.error_code = error_code;
    try {
        (void)store_.write([&](UnitOfWork& work) -> Result<void> {
            work.audit().append(entry);
            return {};
        });
    } catch (const StorageError& failed) {
        ++not_stored_;
        log::error("audit", "a refusal was not stored action={} reason=\"{}\"", entry.action,
                   failed.what());
    }
}

void AuditService::done(const Actor& by, std::string_view object_id) {
    AuditEntry entry = AuditNote(by).entry();
    entry.object_id = plain(object_id);
    (void)store_.write([&](UnitOfWork& work) -> Result<void> {
        work.audit().append(entry);
        return {};
    });
    by.noted = true;
}

bool AuditService::prune() {
    if (options_.keep_days <= 0) {
        return false;
    }
    const Instant now = clock_.now();
    const Instant before = now - std::chrono::hours(24) * options_.keep_days;
    const auto more = store_.write([&](UnitOfWork& work) -> Result<bool> {
        const std::int64_t removed =
            work.audit().prune(before, static_cast<std::int64_t>(options_.prune_at_once));
        if (removed == 0) {
            return false;
        }
        Actor server = Actor::server("audit.prune");
        server.at = now;
        const AuditHead head = work.audit().head();
        AuditNote note(server);
        note.also("removed", removed);
        note.also("upTo", head.anchor.seq);
        note.also("anchor", json::string(head.anchor.hash));
        note.write(work);
        return removed == static_cast<std::int64_t>(options_.prune_at_once);
    });
    return more && *more;
}

}  // namespace updraft
