#include "app/builtin_dialects.hpp"

#include "protocol/jetlinks/codec.hpp"
#include "protocol/jetlinks/frame.hpp"

namespace updraft {

void BuiltinDialects::decode(const SignedInDevice& from, std::string topic, std::string payload,
                             Decoded done) {
    done(topic.empty() ? jetlinks::decode_frame(payload, from.product, from.id)
                       : jetlinks::decode(topic, payload));
}

void BuiltinDialects::encode(const ProtocolId& /*protocol*/, DownlinkMessage message,
                             Encoded done) {
    done(jetlinks::encode(message));
}

void BuiltinDialects::encode_frame(const ProtocolId& /*protocol*/, DownlinkMessage message,
                                   Encoded done) {
    done(TopicMessage{{}, jetlinks::encode_frame(message)});
}

}  // namespace updraft
