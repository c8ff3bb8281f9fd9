#include "server/tls_files.hpp"

#include <sys/stat.h>

#include "base/log.hpp"
#include "transport/net/tls_reload.hpp"

namespace updraft::server {

std::shared_ptr<SSL_CTX> TlsFiles::context() {
    if (certificate_file_.empty()) {
        return nullptr;
    }
    if (contexts_.empty()) {
        seen_ = look();
    }
    contexts_.push_back(net::make_tls_context({certificate_file_, key_file_}));
    return contexts_.back();
}

/// What tells one state of the files from another; links are followed, as certbot makes them.
std::string TlsFiles::look() const {
    std::string seen;
    for (const std::string& file : {certificate_file_, key_file_}) {
        struct stat facts{};
        if (::stat(file.c_str(), &facts) == 0) {
            seen += fmt::format("{} {} {} {}.{};", facts.st_dev, facts.st_ino, facts.st_size,
                                facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
        }
    }
    return seen;
}

void TlsFiles::reload_if_changed() {
    if (contexts_.empty()) {
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        std::string now = look();
        if (now == seen_) {
            return;
        }
        seen_ = std::move(now);
    }
    reload();
}

void TlsFiles::reload() {
    if (contexts_.empty()) {
        return;
    }
    const std::lock_guard lock(mutex_);
    try {
        for (const auto& context : contexts_) {
            net::reload_certificate(*context);
        }
        ++reloaded_;
        const auto days =
            std::chrono::floor<std::chrono::days>(*expires_at() - SystemClock().now());
        log::info("server", "certificate read again file={} expires_in_days={}", certificate_file_,
                  days.count());
    } catch (const std::runtime_error& error) {
        ++failed_;
        log::error("server", "certificate not changed, the one before stays: {}", error.what());
    }
}

std::optional<Instant> TlsFiles::expires_at() const {
    return contexts_.empty() ? std::nullopt
                             : std::optional(net::certificate_expires_at(*contexts_.front()));
}

}  // namespace updraft::server
