#include "app/package_dialects.hpp"

#include "app/protocol_service.hpp"
#include "base/log.hpp"
#include "protocol/jetlinks/codec.hpp"
#include "protocol/jetlinks/frame.hpp"

namespace updraft {
namespace {

Error error_of(const ScriptFailure& failure) {
    const ErrorCode code =
        failure.kind == ScriptFailure::Kind::later ? ErrorCode::unavailable : ErrorCode::malformed;
    return Error::of(code, failure.described());
}

ScriptFailure unreadable(Text message) {
    return {ScriptFailure::Kind::script, std::move(message), std::nullopt};
}

/// The ids of our own packages: they are never scripts, so that their devices need no lookup.
bool is_jetlinks(const ProtocolId& id) {
    return id.value == "jetlinks.v3.0" || id.value == "jetlinks.v2.0";
}

void log_printed(const ProtocolId& package, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
        log::debug("scripts", "printed package={} line=\"{}\"", package, line);
    }
}

/// The messages behind a decode's items; those that mean nothing to us are left out.
Result<DecodedUplinks> messages_of(const std::vector<std::string>& items,
                                   const SignedInDevice& from) {
    DecodedUplinks messages;
    for (const std::string& item : items) {
        UPDRAFT_TRY(std::optional<UplinkMessage> message,
                    jetlinks::decode_frame(item, from.product, from.id));
        if (!message) {
            continue;
        }
        if (!messages) {
            static_cast<std::optional<UplinkMessage>&>(messages) = std::move(message);
        } else {
            messages.more.push_back(*std::move(message));
        }
    }
    return messages;
}

}  // namespace

void PackageDialects::keep(const ProtocolPackage& package) {
    if (package.type != protocol_type_lua) {
        return forget(package.id);
    }
    const std::unique_lock lock(mutex_);
    std::shared_ptr<const Script>& known = by_id_[package.id];
    if (!known || known->text != package.script) {
        known = std::make_shared<Script>(Script{package.id, package.script});
    }
}

void PackageDialects::forget(const ProtocolId& id) {
    const std::unique_lock lock(mutex_);
    by_id_.erase(id);
}

std::shared_ptr<const Script> PackageDialects::script_of(const ProtocolId& id) const {
    if (scripts_ == nullptr || is_jetlinks(id)) {
        return nullptr;
    }
    const std::shared_lock lock(mutex_);
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

std::optional<Result<std::optional<UplinkMessage>>> PackageDialects::decode_at_once(
    const SignedInDevice& from, std::string_view topic, std::string_view payload) const {
    if (topic.empty()) {
        return jetlinks::decode_frame(payload, from.product, from.id);
    }
    if (script_of(from.protocol)) {
        return std::nullopt;
    }
    return jetlinks::decode(topic, payload);
}

std::optional<TopicMessage> PackageDialects::encode_at_once(const ProtocolId& protocol,
                                                            const DownlinkMessage& message) const {
    if (script_of(protocol)) {
        return std::nullopt;
    }
    return jetlinks::encode(message);
}

void PackageDialects::decode(const SignedInDevice& from, std::string topic, std::string payload,
                             Decoded done) {
    std::shared_ptr<const Script> script = topic.empty() ? nullptr : script_of(from.protocol);
    if (!script) {
        Result<std::optional<UplinkMessage>> decoded =
            topic.empty() ? jetlinks::decode_frame(payload, from.product, from.id)
                          : jetlinks::decode(topic, payload);
        return done(decoded ? Result<DecodedUplinks>(DecodedUplinks(*std::move(decoded)))
                            : Result<DecodedUplinks>(std::move(decoded).error()));
    }
    ScriptCall call;
    call.topic = topic;
    call.payload = std::move(payload);
    call.product = from.product;
    call.device = from.id;
    const auto answered = [tell = &tell_, from, topic = std::move(topic),
                           done = std::move(done)](ScriptAnswer answer) {
        log_printed(from.protocol, answer.log);
        Result<DecodedUplinks> messages = answer.failure
                                              ? Result<DecodedUplinks>(error_of(*answer.failure))
                                              : messages_of(answer.items, from);
        if (!messages && *tell) {
            (*tell)({from.protocol, from.id, ScriptCall::Direction::decode, topic,
                     answer.failure.value_or(unreadable(messages.error().message))});
        }
        done(std::move(messages));
    };
    scripts_->call(std::move(script), std::move(call), answered);
}

void PackageDialects::encode(const ProtocolId& protocol, DownlinkMessage message, Encoded done) {
    std::shared_ptr<const Script> script = script_of(protocol);
    if (!script) {
        return done(jetlinks::encode(message));
    }
    ScriptCall call;
    call.direction = ScriptCall::Direction::encode;
    call.payload = jetlinks::encode_frame(message);
    call.product = message.route.product;
    call.device = message.route.device;
    call.gateway = message.route.gateway;
    const auto answered = [tell = &tell_, protocol, device = message.route.device,
                           done = std::move(done)](ScriptAnswer answer) {
        log_printed(protocol, answer.log);
        if (answer.failure) {
            if (*tell) {
                (*tell)({protocol, device, ScriptCall::Direction::encode, {}, *answer.failure});
            }
            return done(error_of(*answer.failure));
        }
        TopicMessage encoded;
        if (answer.items.size() == 2) {
            encoded = {std::move(answer.items[0]), std::move(answer.items[1])};
        }
        done(std::move(encoded));
    };
    scripts_->call(std::move(script), std::move(call), answered);
}

void PackageDialects::encode_frame(const ProtocolId& /*protocol*/, DownlinkMessage message,
                                   Encoded done) {
    done(TopicMessage{{}, jetlinks::encode_frame(message)});
}

}  // namespace updraft
