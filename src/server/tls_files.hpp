#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "server/config.hpp"

namespace updraft::server {

/// The TLS contexts of all listeners, which read their certificate again when its files change or
/// when they are told to. A file that is broken, or half written, changes nothing but a log line
/// and a counter. Safe from every thread.
class TlsFiles {
public:
    explicit TlsFiles(const Config& config)
        : certificate_file_(config.tls_certificate), key_file_(config.tls_key) {}

    /// A context for one more listener; null without a certificate in the configuration. Throws
    /// std::runtime_error, naming the file that is wrong. Only while the server starts.
    [[nodiscard]] std::shared_ptr<SSL_CTX> context();

    void reload();
    /// Reloads if a file is another one, of another size or age, than at the last look.
    void reload_if_changed();

    /// When the certificate expires; nothing without one.
    [[nodiscard]] std::optional<Instant> expires_at() const;
    [[nodiscard]] std::uint64_t reloaded() const { return reloaded_; }
    [[nodiscard]] std::uint64_t failed() const { return failed_; }

private:
    [[nodiscard]] std::string look() const;

    const std::string certificate_file_;
    const std::string key_file_;
    std::vector<std::shared_ptr<SSL_CTX>> contexts_;
    std::mutex mutex_;  ///< one reload at a time
    std::string seen_;  ///< guarded by mutex_
    std::atomic<std::uint64_t> reloaded_{0};
    std::atomic<std::uint64_t> failed_{0};
};

}  // namespace updraft::server
