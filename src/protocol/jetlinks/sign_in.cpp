#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <memory>
#include <stdexcept>

#include "base/bytes.hpp"
#include "protocol/jetlinks/codec.hpp"

namespace updraft::jetlinks {
namespace {

/// MD5 of OpenSSL, fetched once: the implicit fetch of OpenSSL 3.0 costs more than the digest.
const EVP_MD* md5() {
    static const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> fetched{
        EVP_MD_fetch(nullptr, "MD5", nullptr), &EVP_MD_free};
    if (!fetched) {
        throw std::runtime_error("OpenSSL offers no MD5, which devices sign in with");
    }
    return fetched.get();
}

std::string md5_hex(std::string_view text) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, md5(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL could not compute an MD5");
    }
    return to_hex(std::span(digest.data(), size));
}

/// The number between the first and the second `|`; nothing if there is no `|` or no number.
std::optional<std::int64_t> timestamp_of(std::string_view username) {
    const std::size_t bar = username.find('|');
    if (bar == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view digits = username.substr(bar + 1);
    digits = digits.substr(0, digits.find('|'));
    std::int64_t millis = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, failed] = std::from_chars(digits.data(), end, millis);
    if (failed != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return millis;
}

bool within(std::int64_t millis, Instant now, milliseconds window) {
    return millis >= to_millis(now - window) && millis <= to_millis(now + window);
}

}  // namespace

Text describe(SignInRefusal refusal) {
    switch (refusal) {
        case SignInRefusal::malformed_username:
            return text("用户名格式错误", "the user name is not secureId|timestampMillis");
        case SignInRefusal::clock_differs:
            return text("设备时间不同步", "the device's clock differs from the server's");
        case SignInRefusal::wrong_key:
            return text("密钥错误", "wrong secure id or key");
    }
    return {};
}

std::optional<SignInRefusal> check_sign_in(std::string_view username, std::string_view password,
                                           const SignInKeys& keys, Instant now) {
    const bool has_keys = !keys.secure_id.empty() && !keys.secure_key.empty();
    if (keys.plain_auth && has_keys && equals_constant_time(username, keys.secure_id) &&
        equals_constant_time(password, keys.secure_key)) {
        return std::nullopt;
    }
    const std::optional<std::int64_t> timestamp = timestamp_of(username);
    if (!timestamp) {
        return keys.plain_auth ? SignInRefusal::wrong_key : SignInRefusal::malformed_username;
    }
    if (!within(*timestamp, now, keys.window)) {
        return SignInRefusal::clock_differs;
    }
    const std::string expected = md5_hex(std::string(username) + "|" + keys.secure_key);
    const std::string_view secure_id = username.substr(0, username.find('|'));
    if (!has_keys || !equals_constant_time(secure_id, keys.secure_id) ||
        !equals_constant_time(to_lower(password), expected)) {
        return SignInRefusal::wrong_key;
    }
    return std::nullopt;
}

}  // namespace updraft::jetlinks
