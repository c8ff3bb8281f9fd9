#pragma once

#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "app/package_dialects.hpp"

namespace updraft::mqtt {

/// Everybody speaks JetLinks; devices of the protocol "slow" as if a script did it, which answers
/// when the test says so. A payload "two" of theirs holds two messages, "later" finds no room.
class SlowDialects final : public DeviceDialects {
public:
    void decode(const SignedInDevice& from, std::string topic, std::string payload,
                Decoded done) override {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back([this, from, topic = std::move(topic), payload = std::move(payload),
                            done = std::move(done)] {
            if (payload == "later") {
                return done(Error::of(ErrorCode::unavailable, text("忙", "busy")));
            }
            if (payload != "two") {
                return jetlinks_.decode(from, topic, payload, done);
            }
            DecodedUplinks both;
            jetlinks_.decode(from, topic, "{}",
                             [&](Result<DecodedUplinks> decoded) { both = *std::move(decoded); });
            both.more.push_back(**&both);
            done(std::move(both));
        });
    }
    void encode(const ProtocolId& protocol, DownlinkMessage message, Encoded done) override {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back([this, protocol, message = std::move(message), done = std::move(done)] {
            jetlinks_.encode(protocol, message, done);
        });
    }
    [[nodiscard]] std::optional<Result<std::optional<UplinkMessage>>> decode_at_once(
        const SignedInDevice& from, std::string_view topic,
        std::string_view payload) const override {
        return from.protocol.value == "slow" ? std::nullopt
                                             : jetlinks_.decode_at_once(from, topic, payload);
    }
    [[nodiscard]] std::optional<TopicMessage> encode_at_once(
        const ProtocolId& protocol, const DownlinkMessage& message) const override {
        return protocol.value == "slow" ? std::nullopt
                                        : jetlinks_.encode_at_once(protocol, message);
    }

    /// Waits until so many calls wait.
    void wait_for(std::size_t count) const {
        while (waiting() < count) {
            std::this_thread::yield();
        }
    }
    /// Waits until so many calls have come, and answers all in order; says how many.
    std::size_t answer(std::size_t count) {
        wait_for(count);
        std::vector<std::function<void()>> calls;
        {
            const std::scoped_lock lock(mutex_);
            calls.swap(waiting_);
        }
        for (const auto& call : calls) {
            call();
        }
        return calls.size();
    }
    [[nodiscard]] std::size_t waiting() const {
        const std::scoped_lock lock(mutex_);
        return waiting_.size();
    }

private:
    PackageDialects jetlinks_;
    mutable std::mutex mutex_;
    std::vector<std::function<void()>> waiting_;
};

}  // namespace updraft::mqtt
