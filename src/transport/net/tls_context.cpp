#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "transport/net/tls_reload.hpp"

namespace updraft::net {

namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& file) {
    std::array<char, 256> reason{};
    ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
    throw std::runtime_error(fmt::format("{} {}: {}", what, file, reason.data()));
}

// Mozilla's "intermediate" profile, version 5.7.
constexpr const char* ciphers_of_tls13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* ciphers_of_tls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";

/// The keys that seal session tickets (RFC 5077). Whoever learns one can read the TLS 1.2 sessions
/// that were resumed with it, so a new one seals after some hours, the one before it still opens
/// for as long, and none is ever stored. Safe from every thread.
class TicketKeys {
public:
    struct Key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> mac;
    };

    /// The key that seals now; nothing when the machine has no randomness.
    std::optional<Key> sealing() {
        const std::scoped_lock lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        if (!current_ || now - made_at_ >= lifetime) {
            Key fresh{};
            if (RAND_bytes(fresh.name.data(), fresh.name.size()) != 1 ||
                RAND_priv_bytes(fresh.cipher.data(), fresh.cipher.size()) != 1 ||
                RAND_priv_bytes(fresh.mac.data(), fresh.mac.size()) != 1) {
                return std::nullopt;
            }
            previous_ = now - made_at_ < 2 * lifetime ? current_ : std::nullopt;
            current_ = fresh;
            made_at_ = now;
        }
        return current_;
    }
    /// The key that sealed a ticket; nothing if it is gone or was never ours.
    std::optional<Key> opening(const unsigned char* name) {
        (void)sealing();  // ages the keys
        const std::scoped_lock lock(mutex_);
        for (const std::optional<Key>& key : {current_, previous_}) {
            if (key && std::ranges::equal(key->name, std::span(name, key->name.size()))) {
                return key;
            }
        }
        return std::nullopt;
    }

private:
    static constexpr std::chrono::hours lifetime{12};
    std::mutex mutex_;
    std::optional<Key> current_;
    std::optional<Key> previous_;
    std::chrono::steady_clock::time_point made_at_;
};

/// Where a context keeps its TicketKeys; they go with it.
int ticket_keys_index() {
    static const int index = SSL_CTX_get_ex_new_index(
        0, nullptr, nullptr, nullptr, [](void*, void* keys, CRYPTO_EX_DATA*, int, long, void*) {
            delete static_cast<TicketKeys*>(keys);
        });
    return index;
}

/// As SSL_CTX_set_tlsext_ticket_key_evp_cb(3) wants it: AES-256-CBC and HMAC-SHA-256.
int seal_or_open_ticket(SSL* connection, unsigned char* name, unsigned char* iv,
                        EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
    constexpr int failed = -1;
    constexpr int unknown = 0;
    constexpr int done = 1;
    auto* keys = static_cast<TicketKeys*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), ticket_keys_index()));
    std::optional<TicketKeys::Key> key = seal == 1 ? keys->sealing() : keys->opening(name);
    if (!key) {
        return seal == 1 ? failed : unknown;
    }
    if (seal == 1) {
        std::ranges::copy(key->name, name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) {
            return failed;
        }
    }
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac.data(), key->mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    const bool ok =
        EVP_MAC_CTX_set_params(mac, parameters.data()) == 1 &&
        EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv, seal) == 1;
    return ok ? done : failed;
}

/// What a connection shows: read as a whole, so that nobody gets a certificate with the key of
/// another.
struct Material {
    explicit Material(const TlsOptions& files) {
        ERR_clear_error();
        // OpenSSL reads chains into contexts only.
        const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> reader(
            SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
        if (!reader) {
            refuse("cannot set up", "TLS");
        }
        if (SSL_CTX_use_certificate_chain_file(reader.get(), files.certificate_file.c_str()) != 1) {
            refuse("cannot use the certificate", files.certificate_file);
        }
        if (SSL_CTX_use_PrivateKey_file(reader.get(), files.key_file.c_str(), SSL_FILETYPE_PEM) !=
            1) {
            refuse("cannot use the key", files.key_file);
        }
        if (SSL_CTX_check_private_key(reader.get()) != 1) {
            refuse("the key does not belong to the certificate:", files.key_file);
        }
        STACK_OF(X509)* rest = nullptr;
        SSL_CTX_get0_chain_certs(reader.get(), &rest);
        certificate.reset(SSL_CTX_get0_certificate(reader.get()));
        X509_up_ref(certificate.get());
        key.reset(SSL_CTX_get0_privatekey(reader.get()));
        EVP_PKEY_up_ref(key.get());
        chain.reset(rest != nullptr ? X509_chain_up_ref(rest) : sk_X509_new_null());
    }

    struct FreeChain {
        void operator()(STACK_OF(X509) * held) const { sk_X509_pop_free(held, X509_free); }
    };
    std::unique_ptr<X509, decltype(&X509_free)> certificate{nullptr, X509_free};
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{nullptr, EVP_PKEY_free};
    std::unique_ptr<STACK_OF(X509), FreeChain> chain;
};

/// The material of a context, which may change under its connections. Safe from every thread.
class Certificate {
public:
    explicit Certificate(TlsOptions files) : files_(std::move(files)) { reload(); }
    void reload() {
        auto fresh = std::make_shared<const Material>(files_);
        const std::scoped_lock lock(mutex_);
        current_ = std::move(fresh);
    }
    [[nodiscard]] std::shared_ptr<const Material> current() const {
        const std::scoped_lock lock(mutex_);
        return current_;
    }

private:
    const TlsOptions files_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Material> current_;
};

/// Where a context keeps its Certificate; it goes with it.
int certificate_index() {
    static const int index = SSL_CTX_get_ex_new_index(
        0, nullptr, nullptr, nullptr, [](void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
            delete static_cast<Certificate*>(held);
        });
    return index;
}

Certificate& certificate_of(SSL_CTX& context) {
    return *static_cast<Certificate*>(SSL_CTX_get_ex_data(&context, certificate_index()));
}

/// As SSL_CTX_set_cert_cb(3) wants it: each handshake takes what is current.
int show_certificate(SSL* connection, void*) {
    const auto material = certificate_of(*SSL_get_SSL_CTX(connection)).current();
    return SSL_use_cert_and_key(connection, material->certificate.get(), material->key.get(),
                                material->chain.get(), 1);
}

}  // namespace

void reload_certificate(SSL_CTX& context) {
    certificate_of(context).reload();
}

Instant certificate_expires_at(SSL_CTX& context) {
    int days = 0;
    int rest = 0;
    const auto material = certificate_of(context).current();
    (void)ASN1_TIME_diff(&days, &rest, nullptr, X509_get0_notAfter(material->certificate.get()));
    return SystemClock().now() + std::chrono::days(days) + seconds(rest);
}

std::shared_ptr<SSL_CTX> make_tls_context(const TlsOptions& options) {
    ERR_clear_error();
    const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!context) {
        refuse("cannot set up", "TLS");
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    if (SSL_CTX_set_cipher_list(context.get(), ciphers_of_tls12) != 1 ||
        SSL_CTX_set_ciphersuites(context.get(), ciphers_of_tls13) != 1 ||
        SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384") != 1) {
        refuse("cannot set up", "TLS");
    }
    SSL_CTX_set_dh_auto(context.get(), 1);
    SSL_CTX_set_options(context.get(),
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_ENABLE_KTLS);
    // Sessions resume by tickets, which the client keeps: a fleet's sessions cost the server
    // nothing.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 1);
    auto keys = std::make_unique<TicketKeys>();
    if (SSL_CTX_set_ex_data(context.get(), ticket_keys_index(), keys.get()) != 1) {
        refuse("cannot set up", "session tickets");
    }
    (void)keys.release();  // the context's own from here on
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context.get(), seal_or_open_ticket);
    const std::string_view name = "updraft";
    SSL_CTX_set_session_id_context(context.get(),
                                   reinterpret_cast<const unsigned char*>(name.data()),
                                   static_cast<unsigned>(name.size()));

    auto certificate = std::make_unique<Certificate>(options);
    if (SSL_CTX_set_ex_data(context.get(), certificate_index(), certificate.get()) != 1) {
        refuse("cannot set up", "the certificate");
    }
    (void)certificate.release();
    SSL_CTX_set_cert_cb(context.get(), show_certificate, nullptr);
    return context;
}

}  // namespace updraft::net
