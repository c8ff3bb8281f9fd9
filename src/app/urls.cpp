#include "app/urls.hpp"

#include "base/bytes.hpp"

namespace updraft {
namespace {

constexpr std::size_t file_id_digits = 32;

std::string_view without_trailing_slash(std::string_view text) {
    while (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    return text;
}

bool is_absolute(std::string_view url) {
    const std::string start = to_lower(url.substr(0, 8));
    return start.starts_with("http://") || start.starts_with("https://");
}

/// The part after scheme and host, with its leading slash.
std::string_view path_of(std::string_view absolute) {
    const auto host = absolute.find("://") + 3;
    const auto slash = absolute.find('/', host);
    return slash == std::string_view::npos ? std::string_view{} : absolute.substr(slash);
}

/// The value of a query parameter; access keys are hex and need no decoding.
std::string query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
            return std::string(pair.substr(equals + 1));
        }
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return {};
}

/// The id in `file/{id}[.ext]`; nothing for any other path.
std::optional<FileId> id_in(std::string_view path) {
    constexpr std::string_view folder = "file/";
    if (!path.starts_with(folder)) {
        return std::nullopt;
    }
    path.remove_prefix(folder.size());
    const std::string_view id = path.substr(0, path.find('.'));
    if (!is_hex(id, file_id_digits) || path.find('/') != std::string_view::npos) {
        return std::nullopt;
    }
    return FileId(to_lower(id));
}

}  // namespace

std::optional<OwnFileUrl> parse_file_url(std::string_view url, std::string_view base) {
    base = without_trailing_slash(base);
    const std::string_view whole = url.substr(0, url.find('#'));
    const auto mark = whole.find('?');
    const std::string_view query =
        mark == std::string_view::npos ? std::string_view{} : whole.substr(mark + 1);
    std::string_view path = whole.substr(0, mark);
    const bool absolute = is_absolute(path);
    const bool below_base =
        !base.empty() && path.starts_with(base) && path.substr(base.size()).starts_with('/');
    if (below_base) {
        path.remove_prefix(base.size());
    } else if (absolute) {
        path = path_of(path);
    }
    if (path.starts_with('/')) {
        path.remove_prefix(1);
    }
    if (path.starts_with("api/")) {
        path.remove_prefix(4);
    }
    const std::optional<FileId> id = id_in(path);
    if (!id) {
        return std::nullopt;
    }
    return OwnFileUrl{*id, query_value(query, "accessKey"), below_base || !absolute};
}

std::string absolute_url(std::string_view url, std::string_view base) {
    if (is_absolute(url)) {
        return std::string(url);
    }
    base = without_trailing_slash(base);
    if (url.starts_with('/')) {
        url.remove_prefix(1);
    }
    if (base.ends_with("/api") && url.starts_with("api/")) {
        url.remove_prefix(4);
    }
    return fmt::format("{}/{}", base, url);
}

std::string file_url(const StoredFile& file, std::string_view base) {
    const std::string dot = file.extension.empty() ? "" : "." + file.extension;
    return fmt::format("{}/file/{}{}?accessKey={}", without_trailing_slash(base), file.id, dot,
                       file.access_key);
}

void PublicUrls::use_if_unset(const std::string& fallback) {
    const std::lock_guard lock(mutex_);
    if (fallback_.empty()) {
        fallback_ = fallback;
    }
}

void PublicUrls::use_mqtt_port(std::uint16_t port) {
    const std::lock_guard lock(mutex_);
    mqtt_port_ = port;
}

DownloadAddresses::DownloadAddresses(const PublicUrls& urls, const Repositories& rows, Instant now)
    : urls_(urls), rows_(rows), now_(now), base_(urls.base(rows)) {}

std::string DownloadAddresses::of(const Firmware& firmware, const UpgradeRecord& record) {
    std::string url = absolute_url(firmware.url, base_);
    if (!firmware.file || urls_.links() == nullptr) {
        return url;
    }
    const auto [wants, is_new] = wants_links_.try_emplace(record.product, false);
    if (is_new) {
        const std::optional<Product> product = rows_.products().find(record.product);
        wants->second = product && DownloadLinks::wanted_by(*product);
    }
    return wants->second ? urls_.links()->signed_url(url, *firmware.file, record, now_) : url;
}

std::string PublicUrls::mqtt(const Repositories& rows) const {
    const std::string address = base(rows);
    const std::size_t scheme = address.find("://");
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    std::string_view host = std::string_view(address).substr(begin);
    host = host.substr(0, host.find('/'));
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
        host = host.substr(0, colon);
    }
    const std::lock_guard lock(mutex_);
    return mqtt_port_ == 0 ? std::string() : fmt::format("{}:{}", host, mqtt_port_);
}

std::string PublicUrls::base(const Repositories& rows) const {
    const auto paths = rows.settings().scope("paths");
    if (paths) {
        const auto found = paths->find("base-path");
        if (found != paths->end() && !found->second.empty()) {
            return std::string(without_trailing_slash(found->second));
        }
    }
    const std::lock_guard lock(mutex_);
    return std::string(without_trailing_slash(fallback_));
}

}  // namespace updraft
