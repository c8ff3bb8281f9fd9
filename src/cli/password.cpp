#include "cli/password.hpp"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

namespace updraft::cli {
namespace {

template <auto free>
struct Freed {
    void operator()(auto* object) const { free(object); }
};

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace

Result<std::string> encrypted_password(std::string_view password, const std::string& public_key) {
    const auto unusable = [] {
        return Error::of(ErrorCode::malformed, {"服务器的登录公钥无法使用",
                                                "the server's key for sign-ins cannot be used"});
    };
    std::string der(public_key.size(), '\0');
    const int size =
        EVP_DecodeBlock(bytes(der), bytes(public_key), static_cast<int>(public_key.size()));
    const unsigned char* at = bytes(std::string_view(der));
    const std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>> key(
        size <= 0 ? nullptr : d2i_PUBKEY(nullptr, &at, size));
    const std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>> context(
        key ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
    if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) {
        return unusable();
    }
    std::string secret(static_cast<std::size_t>(EVP_PKEY_get_size(key.get())), '\0');
    std::size_t length = secret.size();
    if (EVP_PKEY_encrypt(context.get(), bytes(secret), &length, bytes(password), password.size()) !=
        1) {
        return unusable();
    }
    std::string base64(4 * ((length + 2) / 3) + 1, '\0');
    base64.resize(static_cast<std::size_t>(
        EVP_EncodeBlock(bytes(base64), bytes(secret), static_cast<int>(length))));
    return base64;
}

}  // namespace updraft::cli
