#include "transport/http/devices/proofs.hpp"

#include <openssl/evp.h>

#include <vector>

#include "base/bytes.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::device_http {
namespace {

/// What follows the scheme; nothing if the header has another one.
std::optional<std::string> authorization(const http::Request& request, std::string_view scheme) {
    const std::optional<std::string> header = request.header("Authorization");
    if (!header) {
        return std::nullopt;
    }
    const std::string_view text = http::trimmed(*header);
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos || !equals_ignoring_case(text.substr(0, blank), scheme)) {
        return std::nullopt;
    }
    const std::string_view rest = http::trimmed(text.substr(blank));
    return rest.empty() ? std::nullopt : std::optional(std::string(rest));
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::vector<unsigned char> bytes(text.size() / 4 * 3 + 1);
    const int size =
        EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size()));
    const auto padding = static_cast<int>(text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0);
    if (size < padding) {
        return std::nullopt;
    }
    return std::string(bytes.begin(), bytes.begin() + (size - padding));
}

}  // namespace

std::optional<std::string> bearer_token(const http::Request& request) {
    return authorization(request, "Bearer");
}

std::optional<BasicCredentials> basic_credentials(const http::Request& request) {
    const std::optional<std::string> encoded = authorization(request, "Basic");
    const std::optional<std::string> text = encoded ? from_base64(*encoded) : std::nullopt;
    if (!text || !is_utf8(*text) || text->find('\0') != std::string::npos) {
        return std::nullopt;
    }
    const std::size_t colon = text->find(':');
    if (colon == std::string::npos) {
        return std::nullopt;
    }
    return BasicCredentials{text->substr(0, colon), text->substr(colon + 1)};
}

}  // namespace updraft::device_http
