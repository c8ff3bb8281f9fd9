#include "app/download_links.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <span>

#include "base/bytes.hpp"

namespace updraft {
namespace {

constexpr std::size_t signature_bytes = 16;
constexpr std::string_view wanted_key = "expiringLinks";

Error refused(Text why) {
    return Error::of(ErrorCode::access_denied, std::move(why));
}

}  // namespace

bool DownloadLinks::wanted_by(const Product& product) {
    const auto found = product.configuration.find(std::string(wanted_key));
    return found != product.configuration.end() && equals_ignoring_case(found->second, "true");
}

/// None of the parts holds a line break: ids and numbers.
std::string DownloadLinks::signature_of(const FileId& file, std::string_view record,
                                        std::string_view device, std::string_view expires) const {
    const std::string message = fmt::format("{}\n{}\n{}\n{}", file, record, device, expires);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
             &size) == nullptr) {
        throw std::runtime_error("OpenSSL does not do HMAC-SHA256");
    }
    return to_hex(std::span(digest.data(), signature_bytes));
}

std::string DownloadLinks::signed_url(std::string_view url, const FileId& file,
                                      const UpgradeRecord& record, Instant now) const {
    const auto ends = std::chrono::ceil<seconds>(now + options_.lifetime).time_since_epoch();
    const std::string expires = std::to_string(ends.count());
    return fmt::format("{}?d={}&r={}&e={}&s={}", url.substr(0, url.find_first_of("?#")),
                       record.device, record.id, expires,
                       signature_of(file, record.id.value, record.device.value, expires));
}

Result<void> DownloadLinks::check(const DownloadLink& link, const FileId& file,
                                  const Repositories& rows, Instant now) const {
    const std::string right = signature_of(file, link.record, link.device, link.expires);
    if (!equals_constant_time(to_lower(link.signature), right)) {
        return refused(text("下载链接无效: 不属于该文件, 或已被改动",
                            "the download link is not good for this file, or was altered"));
    }
    std::int64_t expires = 0;
    const char* const end = link.expires.data() + link.expires.size();
    if (std::from_chars(link.expires.data(), end, expires).ptr != end ||
        to_millis(now) >= expires * 1'000) {
        return refused(text("下载链接已过期, 请重新获取升级信息",
                            "the download link has expired: ask for the upgrade again"));
    }
    const std::optional<UpgradeRecord> record = rows.records().find(RecordId(link.record));
    if (!record || record->device.value != link.device ||
        (record->state != RecordState::waiting && record->state != RecordState::processing)) {
        return refused(text("该次升级已结束, 下载链接失效",
                            "the upgrade has ended, and the download link with it"));
    }
    return {};
}

}  // namespace updraft
