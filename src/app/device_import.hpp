#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/device_credentials.hpp"
#include "app/device_service.hpp"
#include "base/result.hpp"

namespace updraft {

/// Limits of an import; keys of the configuration under [import].
struct DeviceImportOptions {
    std::int64_t bytes_max = std::int64_t{32} << 20;
    std::size_t lines_max = 200'000;
};

/// A line that no device was made of.
struct RefusedLine {
    std::size_t line = 0;  ///< of the file, from 1
    std::string id;
    std::string column;  ///< empty: the line as a whole
    Text message;
    std::string text;  ///< the line as it is written
};

struct ImportReport {
    bool dry_run = false;
    std::int64_t lines = 0;  ///< without the header and empty lines
    std::int64_t added = 0;
    std::int64_t updated = 0;
    std::int64_t unchanged = 0;
    std::int64_t refused_count = 0;
    std::vector<RefusedLine> refused;  ///< the first 1000
};

/// Makes devices of a CSV file: good lines are stored, each bad one is refused with its reason.
/// Safe from every thread; blocks on the store.
class DeviceImport {
public:
    DeviceImport(DeviceService& devices, const DeviceCredentialService& credentials,
                 DeviceImportOptions options = {})
        : devices_(devices), credentials_(credentials), options_(options) {}

    [[nodiscard]] const DeviceImportOptions& options() const { return options_; }

    /// A cell that is empty says nothing. Errors: invalid_argument (no UTF-8, no header, unknown or
    /// repeated columns), too_large.
    [[nodiscard]] Result<ImportReport> run(std::string_view csv, const ImportMode& mode,
                                           const Actor& by);

private:
    DeviceService& devices_;
    const DeviceCredentialService& credentials_;
    const DeviceImportOptions options_;
};

/// A column of device files by its two header names.
struct DeviceColumn {
    std::string_view key;  ///< the English name
    std::string_view zh;
    bool imported =
        false;            ///< others may stand in a file, which an export has, and are passed over
    bool secret = false;  ///< no export has it
};
[[nodiscard]] const std::vector<DeviceColumn>& device_columns();

/// A file with the header and one example, to be filled in.
[[nodiscard]] std::string device_import_template(Language language);

}  // namespace updraft
