#pragma once

#include <boost/json/object.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/identity.hpp"
#include "app/ports.hpp"
#include "app/system_service.hpp"

namespace updraft {

/// An object as the audit log keeps it: what the API shows, without what nobody may read. Of a
/// secret the log tells that it was there and whether it changed.
struct AuditedObject {
    std::string type;  ///< "firmware"
    std::string id;
    std::string name;
    boost::json::object json;
    std::optional<Configuration> configuration;  ///< the keys are told, the values are secret
    std::string password;                        ///< anything that changes with it; never told
};

[[nodiscard]] AuditedObject audited(const Product& product);
[[nodiscard]] AuditedObject audited(const ProtocolPackage& package);
[[nodiscard]] AuditedObject audited(const Device& device);
[[nodiscard]] AuditedObject audited(const Firmware& firmware);
[[nodiscard]] AuditedObject audited(const UpgradeTask& task);
[[nodiscard]] AuditedObject audited(const RecordRow& row);
[[nodiscard]] AuditedObject audited(const StoredFile& file);
[[nodiscard]] AuditedObject audited(const User& user);
[[nodiscard]] AuditedObject audited(const Role& role);
[[nodiscard]] AuditedObject audited(const ApiToken& token);
[[nodiscard]] AuditedObject audited(const DeviceCredential& credential);
[[nodiscard]] AuditedObject audited(const ConfigScope& scope);
[[nodiscard]] AuditedObject audited(const UserSetting& setting);

/// What one operation changed, for the one entry that it makes: a single object whole, of several
/// how many and the first few ids. Write it in the unit of work that makes the change.
class AuditNote {
public:
    /// `by` outlives the note.
    explicit AuditNote(const Actor& by) : by_(by) {}
    explicit AuditNote(const Actor&& by) = delete;

    template <class T>
    void added(const T& object) {
        ++added_;
        take<T>(nullptr, &object);
    }
    template <class T>
    void changed(const T& before, const T& after) {
        ++changed_;
        take(&before, &after);
    }
    template <class T>
    void removed(const T& object) {
        ++removed_;
        take<T>(&object, nullptr);
    }
    /// Something that was done to an object and is no change of its own members.
    template <class T>
    void touched(const T& object) {
        ++changed_;
        take<T>(nullptr, nullptr, &object);
    }
    /// A fact about the operation, beside what it changed.
    void also(std::string_view member, boost::json::value value) {
        facts_.insert_or_assign(member, std::move(value));
    }
    /// Adds the entry. An operation that changed nothing has one too: somebody asked for it.
    void write(UnitOfWork& work) const;
    /// The entry as it would be written; also for what is done without a unit of work.
    [[nodiscard]] AuditEntry entry() const;

private:
    static constexpr std::size_t ids_max = 10;

    template <class T>
    void take(const T* before, const T* after, const T* about = nullptr) {
        ++objects_;
        if (objects_ == 1) {
            before_ = before != nullptr ? std::optional(audited(*before)) : std::nullopt;
            after_ = after != nullptr ? std::optional(audited(*after)) : std::nullopt;
            about_ = about != nullptr ? std::optional(audited(*about)) : std::nullopt;
            first_ids_.push_back((after_ ? *after_ : before_ ? *before_ : *about_).id);
        } else if (first_ids_.size() < ids_max) {
            first_ids_.push_back(audited(after != nullptr    ? *after
                                         : before != nullptr ? *before
                                                             : *about)
                                     .id);
        }
    }

    const Actor& by_;
    std::int64_t objects_ = 0;
    std::int64_t added_ = 0;
    std::int64_t changed_ = 0;
    std::int64_t removed_ = 0;
    std::vector<std::string> first_ids_;
    std::optional<AuditedObject> before_;
    std::optional<AuditedObject> after_;
    std::optional<AuditedObject> about_;
    boost::json::object facts_;
};

/// Limits of the audit log; keys of the configuration under [audit].
struct AuditOptions {
    int keep_days = 0;                     ///< older entries are pruned; 0: kept for ever
    std::size_t entry_bytes_max = 65'536;  ///< of before and after together; more is cut
    int refusals_per_minute = 60;  ///< that are stored, for those signed in and for others each
    std::size_t prune_at_once = 1'000;  ///< entries in one unit of work
};

/// What the log is told outside of a change: refusals, and what changes nothing that is stored.
/// Safe from every thread; blocks on the store.
class AuditService {
public:
    AuditService(Store& store, const Clock& clock, AuditOptions options)
        : store_(store), clock_(clock), options_(options) {}

    [[nodiscard]] const AuditOptions& options() const { return options_; }
    /// Stores that an action was refused with the API's code, unless too many were: those are
    /// counted, and the next entry says how many. A store that fails is logged; the refusal itself
    /// goes on.
    void refused(const Actor& by, std::string_view object_id, std::string_view error_code);
    /// Stores an action that changes nothing in the store: an export, a command to a device.
    void done(const Actor& by, std::string_view object_id);
    /// Removes entries that are too old, one bounded step; true if there may be more.
    bool prune();
    /// Refusals that were not stored, since the start.
    [[nodiscard]] std::uint64_t refusals_not_stored() const { return not_stored_; }

private:
    struct Bucket {
        double tokens = -1;  ///< negative: full
        Instant at;
        std::int64_t dropped = 0;  ///< since the last that was stored
    };
    /// How many were dropped before this one; nothing if this one is to be dropped too.
    [[nodiscard]] std::optional<std::int64_t> admit(AuditVia via);

    Store& store_;
    const Clock& clock_;
    const AuditOptions options_;
    std::atomic<std::uint64_t> not_stored_{0};
    std::mutex mutex_;
    Bucket signed_in_;
    Bucket strangers_;
};

}  // namespace updraft
