#include "domain/product.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace updraft {
namespace {

bool declares_firmware(const std::vector<Feature>& features) {
    return std::ranges::any_of(
        features, [](const Feature& feature) { return feature.id == feature_support_firmware; });
}

/// The switch of an uploaded package: Updraft does not run it, so a person says what it can do.
bool switched_on(const ProtocolPackage& package) {
    const auto found = package.configuration.find(std::string(feature_support_firmware));
    return found != package.configuration.end() && equals_ignoring_case(found->second, "true");
}

}  // namespace

std::vector<Feature> features_of(const ProtocolPackage& package, std::string_view transport) {
    const auto detail = std::ranges::find_if(package.transports, [&](const TransportDetail& each) {
        return equals_ignoring_case(each.id, transport);
    });
    const bool served = detail != package.transports.end();
    std::vector<Feature> features = served ? detail->features : std::vector<Feature>{};
    // An uploaded package that names no transport serves whichever its products use. A script says
    // itself what it can do.
    if (package.script.empty() && (served || package.transports.empty()) && switched_on(package) &&
        !declares_firmware(features)) {
        features.push_back({std::string(feature_support_firmware), "支持固件升级"});
    }
    return features;
}

bool supports_firmware(const ProtocolPackage& package, std::string_view transport) {
    return declares_firmware(features_of(package, transport));
}

}  // namespace updraft
