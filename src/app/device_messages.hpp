#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/device_inbox.hpp"
#include "app/freshness.hpp"
#include "app/live_events.hpp"
#include "app/ports.hpp"
#include "app/presence.hpp"
#include "app/pull_context.hpp"
#include "app/record_changes.hpp"
#include "app/remembered.hpp"
#include "app/urls.hpp"
#include "base/ids.hpp"

namespace updraft {

/// What devices say, carried out: progress, replies, reports and pulls change upgrade records
/// through RecordChanges, online and offline messages change presence. A message that changes
/// something is done after the commit, everything else at once.
class DeviceMessages final : public DeviceInbox {
public:
    /// Every limit of device messages. Keys of the configuration under [devices].
    struct Options {
        /// JetLinks' lax mode: a connection may speak for any device (gap 7).
        bool trust_device_ids = false;
        /// Children that a gateway registers are added as devices (messages REGISTER).
        bool register_children = true;
        std::size_t children_per_gateway_max = 1'000;
        milliseconds progress_log_every{5'000};  ///< of one record; in between nothing is logged
        std::size_t progress_log_records_max = 50'000;  ///< remembered for that
        std::size_t log_content_bytes_max = 4'096;
        /// Of what a device says, the rest is cut. No firmware's version is as long.
        std::size_t version_bytes_max = 512;
        std::size_t reason_bytes_max = 1'024;
        std::size_t remembered_max =
            1'000'000;  ///< devices whose pulls without news are remembered
    };

    struct Hooks {
        /// A message that answers one of ours, by its message id: perhaps an operator's command.
        std::function<void(const DeviceId&, const std::string& message_id,
                           const std::string& payload)>
            answered;
        /// Runs work on a worker thread; false when it is too busy. Unset: pulls go to the writer
        /// at once. With it, a pull without news costs no write (design 3.3).
        std::function<bool(std::function<void()>)> run_read;
    };

    struct Counters {
        std::atomic<std::uint64_t> messages{0};
        std::atomic<std::uint64_t> foreign_device{0};  ///< dropped: not the carrier's business
        std::atomic<std::uint64_t> unmatched{0};  ///< dropped: no record of the device is meant
        std::atomic<std::uint64_t> not_stored{0};
    };

    DeviceMessages(Store& store, const RecordChanges& changes, Presence& presence,
                   const PublicUrls& urls, LiveEvents& live, const Clock& clock, SnowflakeIds& ids,
                   Options options, std::shared_ptr<const Freshness> freshness = nullptr);
    /// Called once by the wiring before anything runs.
    void hook(Hooks hooks) { hooks_ = std::move(hooks); }

    void handle(const DeviceId& carrier, UplinkMessage message,
                std::function<void(Handled)> done) override;
    /// handle() for a caller on a worker thread that waits for the answer: what needs no write is
    /// done on its thread.
    [[nodiscard]] Handled handle_now(const DeviceId& carrier, UplinkMessage message);

    /// What handle() would answer a pull that brought no news before, while nothing of the device
    /// has changed; nothing: hand it to handle(). From memory, so that an event loop may call it.
    [[nodiscard]] std::optional<Handled> handle_at_once(const DeviceId& carrier,
                                                        UplinkMessage message);

    /// What a pull would be answered with.
    struct PullPreview {
        std::optional<Firmware> firmware;  ///< nothing: there is none
        /// The pull would change no more than a repeat does: no news of a version, and nothing to
        /// offer, or what the device was already offered.
        bool is_repeat = false;
    };
    /// Looks, and changes nothing. Reads the store on the calling thread.
    [[nodiscard]] PullPreview preview_pull(const DeviceId& device,
                                           const PullRequest& request) const;
    /// True if preview_pull() found neither firmware nor news before, and nothing of the device has
    /// changed since. From memory, so that an event loop may call it.
    [[nodiscard]] bool previewed_nothing(const DeviceId& device, const PullRequest& request) const;

    void connected(const DeviceId& carrier, const ProductId& product,
                   const std::string& address) override;
    void disconnected(const DeviceId& carrier, const std::string& reason) override;

    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    using Done = std::function<void(Handled)>;
    struct Incoming;
    struct Reported;

    [[nodiscard]] bool may_speak(const Repositories& rows, const Incoming& incoming);
    void accept(const Incoming& incoming);
    void announce(const Incoming& incoming) const;
    void finish_at_once(const std::shared_ptr<Incoming>& incoming);
    void finish_by_writer(const std::shared_ptr<Incoming>& incoming);
    using RunRead = std::function<bool(std::function<void()>)>;
    void start(const std::shared_ptr<Incoming>& incoming, const RunRead& run_read);
    void limit(UplinkBody& body) const;
    void finish_pull(const std::shared_ptr<Incoming>& incoming, const RunRead& run_read);
    [[nodiscard]] bool is_quiet(Incoming& incoming) const;
    void remember_quiet(const Incoming& incoming, const PullContext& context,
                        Freshness::Stamp stamp);

    /// What a message does that needs no transaction.
    void at_once(Incoming& incoming, const uplink::TimeSync& request) const;
    void at_once(Incoming& incoming, const uplink::Online&) const;
    void at_once(Incoming& incoming, const uplink::Offline&) const;
    void at_once(Incoming& incoming, const uplink::OtherUplink& other) const;

    /// What a message changes; false when it changes nothing.
    bool change(UnitOfWork& work, Incoming& incoming, const uplink::UpgradeProgress& progress);
    bool change(UnitOfWork& work, Incoming& incoming, const uplink::UpgradeReply& reply);
    bool change(UnitOfWork& work, Incoming& incoming, const uplink::FirmwareReport& report);
    bool change(UnitOfWork& work, Incoming& incoming, const uplink::FirmwareReadReply& reply);
    bool change(UnitOfWork& work, Incoming& incoming, const uplink::FirmwarePull& pull);
    bool change(UnitOfWork& work, Incoming& incoming, const uplink::Register& registration);
    bool change(UnitOfWork& work, Incoming& incoming, const uplink::Unregister&);

    bool take_version(UnitOfWork& work, const Incoming& incoming, const Device& device,
                      const Reported& reported);
    [[nodiscard]] bool has_news(const PullContext& context, const PullRequest& request) const;
    void answer_nothing(Incoming& incoming, const PullContext& context,
                        const uplink::FirmwarePull& pull) const;
    void log_line(UnitOfWork& work, const Incoming& incoming, std::string_view type,
                  const std::optional<UpgradeRecord>& record);
    [[nodiscard]] std::string_view log_content(const Incoming& incoming) const;
    [[nodiscard]] bool progress_log_is_due(const RecordId& record);

    Store& store_;
    const RecordChanges& changes_;
    Presence& presence_;
    const PublicUrls& urls_;
    LiveEvents& live_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    const Options options_;
    Hooks hooks_;
    Counters counters_;
    const std::shared_ptr<const Freshness> freshness_;  ///< null: nothing is remembered
    /// A pull without news; whether even that is not said.
    struct QuietPull {
        bool silent;
    };
    mutable Remembered<QuietPull> quiet_pulls_;  ///< and previews of nothing

    std::mutex log_mutex_;
    std::unordered_map<RecordId, Instant> last_progress_log_;
};

}  // namespace updraft
