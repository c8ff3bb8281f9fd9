// Frames of a WebSocket against arbitrary text: whatever comes out must be text that any store can
// hold, and a frame never speaks for a device without saying so.
#include <cstdlib>

#include "base/bytes.hpp"
#include "protocol/jetlinks/frame.hpp"

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void require_storable(std::string_view text) {
    require(updraft::is_utf8(text) && text.find('\0') == std::string_view::npos);
}

struct Check {
    void operator()(const updraft::uplink::FirmwarePull& pull) const {
        require_storable(pull.message_id);
        require_storable(pull.request.current_version);
        require_storable(pull.request.request_version);
    }
    void operator()(const updraft::uplink::FirmwareReport& report) const {
        require_storable(report.version);
        for (const auto& [name, value] : report.properties) {
            require_storable(name);
            require_storable(value);
        }
    }
    void operator()(const updraft::uplink::UpgradeProgress& progress) const {
        require_storable(progress.version);
        require_storable(progress.report.error_reason);
    }
    void operator()(const updraft::uplink::OtherUplink& other) const {
        require_storable(other.message_id);
        require_storable(other.body);
    }
    template <class Other>
    void operator()(const Other& /*other*/) const {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const updraft::DeviceId device{"d1"};
    const auto result = updraft::jetlinks::decode_frame(input, updraft::ProductId{"p1"}, device);
    if (result && *result) {
        const updraft::UplinkMessage& message = **result;
        require_storable(message.payload);
        require_storable(message.device.value);
        require(message.gateway.has_value() == (message.device != device));
        std::visit(Check{}, message.body);
    }
    return 0;
}
