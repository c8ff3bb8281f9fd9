#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/device_inbox.hpp"
#include "app/file_service.hpp"
#include "app/freshness.hpp"
#include "app/live_events.hpp"
#include "app/ports.hpp"
#include "app/record_changes.hpp"
#include "app/remembered.hpp"
#include "app/urls.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "protocol/ddi/bodies.hpp"
#include "protocol/ddi/documents.hpp"

namespace updraft {

struct PullContext;

/// What hawkBit's devices ask and say (hawkbit-ddi), over the same records and the same state
/// machine as every other dialect. A record's attempt is an action here, known by its number from
/// the poll that first shows it.
///
/// A poll or a fetch that brings no news only reads; everything else is one operation of the
/// writer. For worker threads: it waits for the commit.
class DdiService {
public:
    /// Every limit of hawkBit's devices. Keys of the configuration under [ddi].
    struct Options {
        seconds poll_interval{300};        ///< told to devices that have nothing to do
        seconds poll_interval_active{30};  ///< to those with an action: how soon they see a cancel
        std::size_t feedbacks_per_action_max = 1'000;  ///< the last word is taken all the same
        std::size_t messages_per_feedback_max = 50;
        std::size_t message_bytes_max = 512;         ///< of one message; longer ones are cut
        std::size_t log_content_bytes_max = 4'096;   ///< of one line of the device's log
        std::size_t attributes_max = 100;            ///< of one device
        std::size_t attribute_characters_max = 128;  ///< of a key, and of a value
        std::size_t history_messages_max = 100;      ///< of one answer
        /// User agents, by how they begin, that report success for `skip` without a download:
        /// download-only tasks are not offered to them (hawkbit-ddi 11).
        std::string agents_without_skip = "libcurl-agent";
        std::size_t remembered_max =
            1'000'000;  ///< devices whose polls without news are remembered
    };

    /// Who asks: a device that has signed in.
    struct Client {
        DeviceId device;
        std::string agent;  ///< the User-Agent header
    };

    DdiService(Store& store, const RecordChanges& changes, DeviceInbox& inbox,
               const FileService& files, const PublicUrls& urls, LiveEvents& live,
               const Clock& clock, SnowflakeIds& ids, Options options,
               std::shared_ptr<const Freshness> freshness = nullptr);

    /// The one thing that a device is to do now.
    struct Poll {
        enum class Kind : std::uint8_t { nothing, deployment, confirmation, cancel };
        Kind kind = Kind::nothing;
        std::int64_t action = 0;
        std::int32_t change = 0;  ///< another one when the way of deployment has changed
        std::optional<std::int64_t> installed;
        bool attributes_wanted = false;
        seconds sleep{0};
        friend bool operator==(const Poll&, const Poll&) = default;
    };
    [[nodiscard]] Result<Poll> poll(const Client& client);
    /// What poll() would answer a device that has polled before, while nothing of it has changed;
    /// nothing: ask poll(). From memory, so that an event loop may call it.
    [[nodiscard]] std::optional<Poll> poll_at_once(const Client& client) const;

    /// One file of a module, and where it is.
    struct File {
        ddi::ArtifactDocument document;  ///< without links
        FileId id;                       ///< of a stored file; empty: it lies elsewhere
        std::string url;                 ///< where it lies elsewhere
    };
    /// A software module of an action. Its id holds the action's number, so that it can be found.
    struct Module {
        std::int64_t id = 0;
        std::string part;
        std::string name;
        std::string version;
        std::vector<File> files;
        std::vector<ddi::MetadataEntry> metadata;
    };
    struct Deployment {
        std::int64_t action = 0;
        ddi::Handling download = ddi::Handling::forced;
        ddi::Handling update = ddi::Handling::forced;
        std::vector<Module> modules;
        std::optional<ddi::HistoryDocument> history;
    };
    /// Whether an answer is taken as the device's first fetch: that of HEAD is not.
    enum class Fetch : std::uint8_t { looks, takes };
    /// `history`: how many of the device's own messages are told; negative: all (of the allowed).
    /// The first fetch that takes makes the record processing. Errors: not_found for what the
    /// device may not see (hawkbit-ddi 4).
    [[nodiscard]] Result<Deployment> deployment(const Client& client, std::int64_t action,
                                                std::int64_t history, Fetch fetch = Fetch::takes);
    /// The same of an action that waits for consent, and of one that was installed.
    [[nodiscard]] Result<Deployment> confirmation(const Client& client, std::int64_t action,
                                                  std::int64_t history) const;
    [[nodiscard]] Result<Deployment> installed(const Client& client, std::int64_t action,
                                               std::int64_t history) const;

    /// Errors: not_found unless the action is being canceled, or was.
    [[nodiscard]] Result<void> cancellation(const Client& client, std::int64_t action) const;

    /// What became of a report.
    enum class Taken : std::uint8_t {
        yes,
        over,  ///< the action is not active any more
    };
    /// Errors: not_found; too_many_requests over a quota.
    [[nodiscard]] Result<Taken> feedback(const Client& client, std::int64_t action,
                                         const ddi::Feedback& feedback);
    /// Errors: as feedback(); method_not_allowed where nothing is being canceled.
    [[nodiscard]] Result<Taken> cancel_feedback(const Client& client, std::int64_t action,
                                                const ddi::Feedback& feedback);
    [[nodiscard]] Result<Taken> confirmation_feedback(const Client& client, std::int64_t action,
                                                      const ddi::Confirmation& said);

    /// What waits for consent, if anything does, and whether consent is given in advance.
    struct Consent {
        DdiTarget target;
        std::optional<std::int64_t> waiting;
        std::int32_t change = 0;
    };
    [[nodiscard]] Result<Consent> consent(const Client& client) const;
    /// Errors: conflict where it is active already.
    [[nodiscard]] Result<void> activate_auto_confirm(const Client& client,
                                                     const ddi::AutoConfirmation& said);
    [[nodiscard]] Result<void> deactivate_auto_confirm(const Client& client);

    /// Errors: malformed (a key or a value breaks a rule), too_many_requests (too many).
    [[nodiscard]] Result<void> configure(const Client& client, const ddi::ConfigData& said);

    /// What became of an installed set that a device announced.
    enum class Announced : std::uint8_t { recorded, known };
    /// Errors: not_found when it is no firmware of the device's product.
    [[nodiscard]] Result<Announced> announce(const Client& client, const ddi::InstalledSet& said);

    /// The files of a module of an action that is open, or was installed. Errors: not_found.
    [[nodiscard]] Result<Module> module(const Client& client, std::int64_t id) const;
    /// One of them, to be downloaded: only while the action is open. Errors: not_found.
    struct Download {
        StoredFile file;
        std::string path;
        std::string filename;
        std::int64_t action = 0;
    };
    [[nodiscard]] Result<Download> open(const Client& client, std::int64_t module,
                                        std::string_view filename) const;
    /// The device has fetched all of a file: a line in its log. Does not wait.
    void downloaded(const Client& client, const Download& download);

private:
    struct Known;
    struct Decision;

    [[nodiscard]] std::optional<Decision> decide(const Repositories& rows,
                                                 const Client& client) const;
    void choose(const Repositories& rows, const Client& client, Decision& decision) const;
    static void offer(const UpgradeRecord& record, const UpgradeTask& task,
                      const std::optional<DdiAction>& action, Decision& decision);
    [[nodiscard]] static bool is_being_canceled(const Repositories& rows,
                                                const std::vector<UpgradeRecord>& records,
                                                const DdiAction& action);
    void carry_out(UnitOfWork& work, const Decision& decision) const;
    void number(UnitOfWork& work, const UpgradeRecord& record, bool confirmed) const;
    [[nodiscard]] bool can_skip(const Client& client) const;
    [[nodiscard]] Fingerprint poll_question(const Client& client) const;

    [[nodiscard]] static std::optional<Known> known(const Repositories& rows,
                                                    const DeviceId& device, std::int64_t action);
    void retrieve(UnitOfWork& work, Known& known) const;
    [[nodiscard]] Result<Deployment> deployment_of(const Repositories& rows, const Known& known,
                                                   std::int64_t history) const;
    [[nodiscard]] Result<std::vector<Module>> modules_of(const Repositories& rows,
                                                         const Known& known) const;
    [[nodiscard]] ddi::HistoryDocument history_of(const Repositories& rows, const Known& known,
                                                  std::int64_t messages) const;

    using Check = std::function<Result<Taken>(const std::optional<Known>&)>;
    using Take = std::function<void(UnitOfWork&, Known&)>;
    [[nodiscard]] Result<Taken> look_then_write(const Client& client, std::int64_t action,
                                                const Check& check, const Take& take);
    [[nodiscard]] Result<void> within_quota(const DdiAction& action, std::size_t messages,
                                            bool last_word) const;
    [[nodiscard]] std::string log_content(const ddi::Feedback& feedback) const;
    void take(UnitOfWork& work, Known& known, const ddi::Feedback& feedback) const;
    void announce_progress(UnitOfWork& work, const Known& known,
                           const ddi::Feedback& feedback) const;
    void note(UnitOfWork& work, const Known& known, std::string_view type,
              const std::string& content) const;
    [[nodiscard]] static std::vector<std::string> errors_before(const Repositories& rows,
                                                                const Known& known);
    [[nodiscard]] std::string failure_reason(const Repositories& rows, const Known& known,
                                             const ddi::Feedback& feedback) const;
    [[nodiscard]] Result<std::map<std::string, std::string>> changed_attributes(
        std::map<std::string, std::string> attributes, const ddi::ConfigData& said) const;

    Store& store_;
    const RecordChanges& changes_;
    DeviceInbox& inbox_;
    const FileService& files_;
    const PublicUrls& urls_;
    LiveEvents& live_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    const Options options_;
    std::vector<std::string> agents_without_skip_;
    const std::shared_ptr<const Freshness> freshness_;  ///< null: nothing is remembered
    Remembered<Poll> quiet_polls_;
};

}  // namespace updraft
