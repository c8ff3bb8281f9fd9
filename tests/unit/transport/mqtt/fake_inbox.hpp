#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "app/device_inbox.hpp"
#include "tests/support/patience.hpp"

namespace updraft::mqtt {

/// An inbox that remembers what came, and completes messages at once or when the test says so.
class FakeInbox final : public DeviceInbox {
public:
    using Answer = std::function<Handled(const UplinkMessage&)>;

    void handle(const DeviceId& carrier, UplinkMessage message,
                std::function<void(Handled)> done) override {
        Handled handled;
        {
            const std::lock_guard lock(mutex_);
            events_.push_back("message " + carrier.value + " " + message.payload);
            if (answer_) {
                handled = answer_(message);
            }
            if (holding_) {
                held_.push_back([done = std::move(done), handled] { done(handled); });
                changed_.notify_all();
                return;
            }
        }
        changed_.notify_all();
        done(std::move(handled));
    }
    void connected(const DeviceId& carrier, const ProductId& product,
                   const std::string& /*address*/) override {
        note("connected " + carrier.value + " " + product.value);
    }
    void disconnected(const DeviceId& carrier, const std::string& /*reason*/) override {
        note("disconnected " + carrier.value);
    }

    /// From now on messages wait for complete().
    void hold() {
        const std::lock_guard lock(mutex_);
        holding_ = true;
    }
    /// Completes the held message at `index`.
    void complete(std::size_t index = 0) {
        std::function<void()> done;
        {
            const std::lock_guard lock(mutex_);
            done = std::move(held_.at(index));
            held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
        }
        done();
    }
    void complete_all() {
        std::deque<std::function<void()>> all;
        {
            const std::lock_guard lock(mutex_);
            all.swap(held_);
        }
        for (const auto& done : all) {
            done();
        }
    }
    void answer_with(Answer answer) {
        const std::lock_guard lock(mutex_);
        answer_ = std::move(answer);
    }

    [[nodiscard]] std::vector<std::string> events() const {
        const std::lock_guard lock(mutex_);
        return events_;
    }
    [[nodiscard]] std::size_t held() const {
        const std::lock_guard lock(mutex_);
        return held_.size();
    }
    /// Waits until `count` events have come; false if they do not.
    [[nodiscard]] bool wait_for_events(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patient(std::chrono::seconds(10)),
                                 [&] { return events_.size() >= count; });
    }

private:
    void note(std::string event) {
        {
            const std::lock_guard lock(mutex_);
            events_.push_back(std::move(event));
        }
        changed_.notify_all();
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> events_;
    std::deque<std::function<void()>> held_;
    bool holding_ = false;
    Answer answer_;
};

}  // namespace updraft::mqtt
