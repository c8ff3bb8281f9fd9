#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"

namespace updraft {

/// How a firmware's digest is made. Sent by name: `md5`, `sha256`. (JetLinks calls the digest a
/// signature.)
enum class SignMethod : std::uint8_t { md5, sha256 };

/// One row of 其他配置; delivered to devices as `parameters`, id -> value.
struct FirmwareProperty {
    std::string id;
    std::string name;
    std::string value;
    friend bool operator==(const FirmwareProperty&, const FirmwareProperty&) = default;
};

/// A further image of a firmware, a software module of its own (hawkbit-ddi 4). Devices of dialects
/// that know one image get the firmware's own only.
struct FirmwareArtifact {
    FileId file;
    std::string part = "os";  ///< the module's type
    std::string name;         ///< of the module
    std::string version;      ///< of the module
    friend bool operator==(const FirmwareArtifact&, const FirmwareArtifact&) = default;
};
inline constexpr std::size_t firmware_artifacts_max = 32;

/// What a form leaves that says no version order.
inline constexpr int version_order_missing = std::numeric_limits<int>::min();

/// One version of a product's software.
struct Firmware {
    FirmwareId id;
    std::string name;  ///< 1..64 characters
    ProductId product;
    std::string product_name;
    std::string version;  ///< 1..64 characters, free text; unique in the product
    /// 1..99999, unique in the product: what "newer" means; `version_order_missing` in a form that
    /// does not say it.
    int version_order = version_order_missing;
    std::optional<SignMethod> sign_method;  ///< absent only in a form that does not say it
    std::string sign;                       ///< lower-case hex digest of the artifact
    std::string url;                        ///< as stored; may be relative to the public base path
    std::optional<FileId> file;  ///< our own stored file behind `url`, if it is one of ours
    std::int64_t size_bytes = 0;
    std::string part = "os";  ///< type of the software module that `url` is (hawkbit-ddi 4)
    std::vector<FirmwareArtifact> more_artifacts;  ///< beside `url`; in the order of installation
    std::vector<FirmwareProperty> properties;
    std::string description;  ///< at most 200 characters
    UserId creator;
    std::string creator_name;
    Instant created_at;
    friend bool operator==(const Firmware&, const Firmware&) = default;
};

/// Limits of the firmware and task forms (spec rows 7-16, 33-39).
inline constexpr std::size_t name_characters_max = 64;
inline constexpr std::size_t description_characters_max = 200;
inline constexpr int version_order_min = 1;
inline constexpr int version_order_max = 99'999;
inline constexpr int timeout_seconds_min = 1;
inline constexpr int timeout_seconds_max = 99'999;

/// Checks rows 7-16 and lower-cases `sign`; the first broken rule comes first in the message, all
/// of them in `fields`, with the texts of the specification. Does not know other firmwares or
/// files.
[[nodiscard]] Result<Firmware> checked(Firmware firmware);

/// Whether two versions of one firmware differ in a member that is frozen while records are waiting
/// or processing (row 23): product, version, order, url, sign, method, size, further artifacts.
[[nodiscard]] bool frozen_members_differ(const Firmware& before, const Firmware& after);

}  // namespace updraft
