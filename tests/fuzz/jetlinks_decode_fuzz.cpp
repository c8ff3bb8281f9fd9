// The JetLinks codec against arbitrary topics and payloads (split at the first NUL byte): whatever
// comes out must be text that any store can hold.
#include <cstdlib>

#include "base/bytes.hpp"
#include "protocol/jetlinks/codec.hpp"

namespace {

void require_storable(std::string_view text) {
    if (!updraft::is_utf8(text) || text.find('\0') != std::string_view::npos) {
        std::abort();
    }
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
    const std::size_t split = input.find('\0');
    const std::string_view topic = input.substr(0, split);
    const std::string_view payload =
        split == std::string_view::npos ? std::string_view{} : input.substr(split + 1);
    if (!updraft::is_utf8(topic)) {
        return 0;  // MQTT lets none through
    }
    const auto result = updraft::jetlinks::decode(topic, payload);
    if (result && *result) {
        require_storable((*result)->payload);
        std::visit(Check{}, (*result)->body);
    }
    return 0;
}
