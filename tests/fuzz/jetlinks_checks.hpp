#pragma once

#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "protocol/messages.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace updraft::fuzz {

/// Text that any store holds and any JSON carries.
inline void require_storable(std::string_view text) {
    UPDRAFT_ASSERT(is_utf8(text) && text.find('\0') == std::string_view::npos);
}

/// Checks the texts of a message; each kind names its own.
struct StorableBody {
    void operator()(const uplink::FirmwarePull& pull) const {
        require_storable(pull.message_id);
        require_storable(pull.request.current_version);
        require_storable(pull.request.request_version);
    }
    void operator()(const uplink::FirmwareReport& report) const {
        require_storable(report.version);
        for (const auto& [name, value] : report.properties) {
            require_storable(name);
            require_storable(value);
        }
    }
    void operator()(const uplink::FirmwareReadReply& reply) const {
        require_storable(reply.message_id);
        require_storable(reply.version);
        for (const auto& [name, value] : reply.properties) {
            require_storable(name);
            require_storable(value);
        }
    }
    void operator()(const uplink::UpgradeReply& reply) const {
        require_storable(reply.message_id);
        require_storable(reply.code);
        require_storable(reply.message);
    }
    void operator()(const uplink::UpgradeProgress& progress) const {
        require_storable(progress.firmware_id);
        require_storable(progress.version);
        require_storable(progress.report.error_reason);
        require_storable(progress.report.message);
    }
    void operator()(const uplink::TimeSync& sync) const {
        require_storable(sync.message_id);
        require_storable(sync.reply_topic);
    }
    void operator()(const uplink::Register& registered) const {
        require_storable(registered.name);
        require_storable(registered.product_id);
    }
    void operator()(const uplink::OtherUplink& other) const {
        require_storable(other.message_type);
        require_storable(other.message_id);
        require_storable(other.body);
    }
    void operator()(const uplink::Online& /*online*/) const {}
    void operator()(const uplink::Offline& /*offline*/) const {}
    void operator()(const uplink::Unregister& /*unregister*/) const {}
};

/// What holds of every message that a codec of ours decoded.
inline void require_sound_uplink(const UplinkMessage& message) {
    constexpr std::size_t payload_bytes_max = 4'096;
    require_storable(message.payload);
    UPDRAFT_ASSERT(message.payload.size() <= payload_bytes_max);
    require_storable(message.product.value);
    require_storable(message.device.value);
    require_storable(message.gateway.value_or(DeviceId{}).value);
    std::visit(StorableBody{}, message.body);
}

}  // namespace updraft::fuzz
