#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace updraft::cli {

/// The password as a sign-in sends it when the server wants it encrypted (spec 2.2): RSA, PKCS#1
/// v1.5, in base64. `public_key`: X.509 SubjectPublicKeyInfo in base64. Errors: malformed.
[[nodiscard]] Result<std::string> encrypted_password(std::string_view password,
                                                     const std::string& public_key);

}  // namespace updraft::cli
