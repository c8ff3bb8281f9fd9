#include "app/remembered.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstring>
#include <stdexcept>
#include <string>

namespace updraft {
namespace {

constexpr std::size_t key_bytes = 32;

/// The key that makes fingerprints of this process unlike those of every other one.
const std::array<unsigned char, key_bytes>& key_of_process() {
    static const auto key = [] {
        std::array<unsigned char, key_bytes> drawn{};
        if (RAND_bytes(drawn.data(), static_cast<int>(drawn.size())) != 1) {
            throw std::runtime_error("OpenSSL offers no random bytes");
        }
        return drawn;
    }();
    return key;
}

/// SHA-256, looked up once: OpenSSL's search for it takes longer than the digest.
const EVP_MD* sha256() {
    static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return algorithm;
}

struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

void append_length(std::string& text, std::size_t length) {
    for (std::size_t i = 0; i < sizeof(std::uint32_t); ++i) {
        text.push_back(static_cast<char>(length >> (8 * i) & 0xFFU));
    }
}

}  // namespace

Fingerprint fingerprint_of(std::initializer_list<std::string_view> parts) {
    thread_local const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
    thread_local std::string text;
    const auto& key = key_of_process();
    text.assign(reinterpret_cast<const char*>(key.data()), key.size());
    for (const std::string_view part : parts) {
        append_length(text, part.size());
        text.append(part);
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    if (!context || EVP_DigestInit_ex(context.get(), sha256(), nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), text.data(), text.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), digest.data(), &length) != 1) {
        throw std::runtime_error("OpenSSL offers no SHA-256");
    }
    text.assign(text.size(), '\0');  // it held a secret
    Fingerprint fingerprint;
    std::memcpy(&fingerprint.high, digest.data(), sizeof(fingerprint.high));
    std::memcpy(&fingerprint.low, digest.data() + sizeof(fingerprint.high),
                sizeof(fingerprint.low));
    return fingerprint;
}

}  // namespace updraft
