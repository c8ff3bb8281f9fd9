#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/device.hpp"
#include "domain/upgrade_record.hpp"

namespace updraft {

/// What consoles see live. Published after the commit, never before.
namespace live {
struct TaskChanged {
    TaskId task;
    FirmwareId firmware;
};
struct RecordChanged {
    UpgradeRecord record;
};
struct DeviceStateChanged {
    DeviceId device;
    ProductId product;
    DeviceState state;
};
/// A message of or to a device; `kind` is the topic's tail of spec 2.12: "firmware/pull",
/// "firmware/push/reply" ...; `payload` its JSON text.
struct DeviceMessageSeen {
    DeviceId device;
    ProductId product;
    std::string kind;
    std::string payload;
};
}  // namespace live

struct LiveEvent {
    Instant at;
    std::variant<live::TaskChanged, live::RecordChanged, live::DeviceStateChanged,
                 live::DeviceMessageSeen>
        what;
};

/// In-process publish/subscribe. A listener is called on the publisher's thread and must only hand
/// over (to its event loop, with a bounded queue). Safe from every thread.
class LiveEvents {
public:
    using Listener = std::function<void(const LiveEvent&)>;

    /// Ends the subscription when destroyed; after that the listener is not called any more.
    class Subscription {
    public:
        Subscription() = default;
        Subscription(Subscription&&) noexcept = default;
        Subscription& operator=(Subscription&&) noexcept = default;

    private:
        friend class LiveEvents;
        explicit Subscription(std::shared_ptr<void> guard) : guard_(std::move(guard)) {}
        std::shared_ptr<void> guard_;
    };

    [[nodiscard]] Subscription subscribe(Listener listener);
    void publish(const LiveEvent& event) const;
    /// False when an event would reach nobody: then it need not be made.
    [[nodiscard]] bool anyone_listens() const;

private:
    struct Listeners;
    std::shared_ptr<Listeners> listeners_ = make_listeners();
    [[nodiscard]] static std::shared_ptr<Listeners> make_listeners();
};

}  // namespace updraft
