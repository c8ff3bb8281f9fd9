#pragma once

#include <string>
#include <vector>

#include "scheduler/scheduler.hpp"
#include "tests/support/upgrade_world.hpp"

namespace updraft {

/// UpgradeWorld with a scheduler that the test drives: nothing happens but in settle().
struct ScheduledWorld : UpgradeWorld {
    explicit ScheduledWorld(Scheduler::Options options = {}, TaskService::Options task_options = {})
        : UpgradeWorld({}, task_options),
          scheduler(*store, changes, presence, tasks, files, sender, clock, ids,
                    std::move(options)) {
        changes.listen(scheduler.record_listeners());
        presence.listen(scheduler.presence_listeners());
        tasks.hook(scheduler.task_hooks());
        scheduler.recover();
    }

    /// Does everything that is due now, and what that sets off.
    void settle() {
        for (int quiet = 0; quiet < 2;) {
            const Instant next = scheduler.run_due();
            flush_writer();
            quiet = next > clock.now() ? quiet + 1 : 0;
        }
    }
    /// Moves the clock and does what is due then.
    void pass(milliseconds time) {
        clock.advance(time);
        settle();
    }
    void connect(const std::string& carrier) {
        links.connected.insert(carrier);
        messages.connected(DeviceId{carrier}, ProductId{"p1"}, "10.0.0.9");
        pass(milliseconds{100});
    }
    void disconnect(const std::string& carrier) {
        links.connected.erase(carrier);
        messages.disconnected(DeviceId{carrier}, "closed");
        pass(milliseconds{100});
    }
    /// say(), and what it sets off.
    DeviceInbox::Handled hear(const std::string& carrier, UplinkBody body,
                              const std::optional<std::string>& child = std::nullopt) {
        DeviceInbox::Handled handled = say(carrier, std::move(body), child);
        settle();
        return handled;
    }
    /// The upgrade messages that were written so far.
    [[nodiscard]] std::vector<DownlinkMessage> pushes() const {
        std::vector<DownlinkMessage> found;
        for (const DownlinkMessage& message : links.sent) {
            if (std::holds_alternative<downlink::UpgradeFirmware>(message.body)) {
                found.push_back(message);
            }
        }
        return found;
    }
    [[nodiscard]] std::string last_message_id() const {
        return std::get<downlink::UpgradeFirmware>(pushes().back().body).message_id;
    }

    Scheduler scheduler;
};

}  // namespace updraft
