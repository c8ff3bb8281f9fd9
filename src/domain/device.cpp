#include "domain/device.hpp"

namespace updraft {
namespace {

/// An emptied input box means "not set": it must neither hide the product's value nor become an
/// empty password.
const std::string* value_in(const Configuration& configuration, const std::string& key) {
    const auto found = configuration.find(key);
    return found == configuration.end() || found->second.empty() ? nullptr : &found->second;
}

}  // namespace

std::optional<std::string> configured(const Device& device, const Product& product,
                                      const std::string& key) {
    if (const std::string* own = value_in(device.configuration, key)) {
        return *own;
    }
    if (const std::string* shared = value_in(product.configuration, key)) {
        return *shared;
    }
    return std::nullopt;
}

}  // namespace updraft
