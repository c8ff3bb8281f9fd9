#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "app/download_links.hpp"
#include "app/ports.hpp"
#include "base/id.hpp"

namespace updraft {

/// What a URL of one of our own files names (spec 2.5).
struct OwnFileUrl {
    FileId file;             ///< 32 hex digits
    std::string access_key;  ///< empty if the URL has none
    bool certain = false;    ///< relative, or below the public base path: it can be nobody else's
};

/// Takes apart `{base}/file/{id}[.ext]?accessKey=...`: absolute or relative, with and without
/// `/api`. Nothing if the path is not that of a file of ours. `base` is the public base path.
[[nodiscard]] std::optional<OwnFileUrl> parse_file_url(std::string_view url, std::string_view base);

/// The address that devices can reach: `url` as it is when absolute, else below `base` (spec 2.4).
/// An `/api` that both end and begin with is not doubled.
[[nodiscard]] std::string absolute_url(std::string_view url, std::string_view base);

/// The address of a stored file with its access key, as uploads answer it and devices download it.
[[nodiscard]] std::string file_url(const StoredFile& file, std::string_view base);

class PublicUrls;

/// Where the devices of some records find their firmwares. Remembers what it has read, for one
/// snapshot.
class DownloadAddresses {
public:
    DownloadAddresses(const PublicUrls& urls, const Repositories& rows, Instant now);
    /// The firmware's address, absolute; or a link for this upgrade alone if the product wants that
    /// and the file is ours.
    [[nodiscard]] std::string of(const Firmware& firmware, const UpgradeRecord& record);

private:
    const PublicUrls& urls_;
    const Repositories& rows_;
    const Instant now_;
    const std::string base_;
    std::map<ProductId, bool> wants_links_;
};

/// Knows the public base path: the system configuration's `paths.base-path`, else the configured
/// one.
class PublicUrls {
public:
    /// `fallback` is used until a person saves `paths.base-path`, e.g. "http://10.0.0.5:8848/api".
    explicit PublicUrls(std::string fallback) : fallback_(std::move(fallback)) {}

    /// The address the server turned out to listen on, for an installation that configured none.
    void use_if_unset(const std::string& fallback);

    /// What signs the links of products that want it; before anything runs.
    void sign_with(std::shared_ptr<const DownloadLinks> links) { links_ = std::move(links); }
    [[nodiscard]] const DownloadLinks* links() const { return links_.get(); }

    /// The port of the MQTT listener, once it is known.
    void use_mqtt_port(std::uint16_t port);

    /// Without a slash at its end.
    [[nodiscard]] std::string base(const Repositories& rows) const;
    /// Where devices find the MQTT listener, `host:port`: the host of the base path, which is the
    /// one that they reach. Empty if there is no listener.
    [[nodiscard]] std::string mqtt(const Repositories& rows) const;

private:
    mutable std::mutex mutex_;
    std::string fallback_;
    std::shared_ptr<const DownloadLinks> links_;
    std::uint16_t mqtt_port_ = 0;
};

}  // namespace updraft
