#include <openssl/err.h>
#include <openssl/ssl.h>

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "transport/net/byte_stream.hpp"

namespace updraft::net {

namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& file) {
    std::array<char, 256> reason{};
    ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
    throw std::runtime_error(fmt::format("{} {}: {}", what, file, reason.data()));
}

// Mozilla's "intermediate" profile, version 5.7.
constexpr const char* ciphers_of_tls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";

}  // namespace

std::shared_ptr<SSL_CTX> make_tls_context(const TlsOptions& options) {
    ERR_clear_error();
    const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!context) {
        refuse("cannot set up", "TLS");
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context.get(), ciphers_of_tls12);
    SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384");
    SSL_CTX_set_dh_auto(context.get(), 1);
    SSL_CTX_set_options(context.get(),
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_ENABLE_KTLS);
    // Sessions resume by tickets, which the client keeps: a fleet's sessions cost the server
    // nothing.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 1);
    const std::string_view name = "updraft";
    SSL_CTX_set_session_id_context(context.get(),
                                   reinterpret_cast<const unsigned char*>(name.data()),
                                   static_cast<unsigned>(name.size()));

    if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate_file.c_str()) != 1) {
        refuse("cannot use the certificate", options.certificate_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(), SSL_FILETYPE_PEM) !=
        1) {
        refuse("cannot use the key", options.key_file);
    }
    if (SSL_CTX_check_private_key(context.get()) != 1) {
        refuse("the key does not belong to the certificate:", options.key_file);
    }
    return context;
}

}  // namespace updraft::net
