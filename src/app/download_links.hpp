#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace updraft {

/// What a link for one upgrade carries in its query: `d`, `r`, `e` and `s`.
struct DownloadLink {
    std::string device;
    std::string record;
    std::string expires;    ///< seconds since 1970
    std::string signature;  ///< 32 hex digits
};

struct DownloadLinkOptions {
    seconds lifetime{24 * 3600};  ///< key `links.lifetime`
};

/// Download links that hold for one device, one upgrade record and a time (spec 4.9), for products
/// whose configuration has `expiringLinks` = "true":
///
///     {base}/file/{id}.bin?d=d1&r=1234&e=1760000000&s=0123456789abcdef0123456789abcdef
///
/// `s` is the first half of HMAC-SHA256 over file, record, device and expiry. There is no access
/// key in it, which would hold for ever. Safe from every thread.
class DownloadLinks {
public:
    /// `key`: 32 bytes that nobody outside knows.
    DownloadLinks(std::string key, DownloadLinkOptions options)
        : key_(std::move(key)), options_(options) {}

    [[nodiscard]] static bool wanted_by(const Product& product);

    /// `url` is the firmware's absolute address; its query is replaced.
    [[nodiscard]] std::string signed_url(std::string_view url, const FileId& file,
                                         const UpgradeRecord& record, Instant now) const;
    /// Whether the link opens the file now: signed by us, not expired, and its record waiting or
    /// processing. Reads one record, and only for a good signature. Errors: access_denied.
    [[nodiscard]] Result<void> check(const DownloadLink& link, const FileId& file,
                                     const Repositories& rows, Instant now) const;

private:
    [[nodiscard]] std::string signature_of(const FileId& file, std::string_view record,
                                           std::string_view device, std::string_view expires) const;

    const std::string key_;
    const DownloadLinkOptions options_;
};

}  // namespace updraft
