#pragma once

#include <optional>
#include <string_view>

#include "base/text.hpp"
#include "domain/device.hpp"
#include "domain/device_credential.hpp"
#include "domain/firmware.hpp"
#include "domain/upgrade_task.hpp"

namespace updraft {

/// The names under which enum values are stored and sent, and the words that people see for them
/// (spec 0.3, 2.7, 2.8, 2.11, 3.3). `name_of` and `*_named` are inverse to each other; an unknown
/// name gives nothing.
[[nodiscard]] std::string_view name_of(RecordState value);
[[nodiscard]] std::string_view name_of(UpgradeMode value);
[[nodiscard]] std::string_view name_of(TaskState value);
[[nodiscard]] std::string_view name_of(ReleaseType value);
[[nodiscard]] std::string_view name_of(Deployment value);
[[nodiscard]] std::string_view name_of(CredentialKind value);
[[nodiscard]] std::string_view name_of(SignMethod value);
[[nodiscard]] std::string_view name_of(DeviceType value);
[[nodiscard]] std::string_view name_of(DeviceState value);

[[nodiscard]] Text label_of(RecordState value);
[[nodiscard]] Text label_of(UpgradeMode value);
[[nodiscard]] Text label_of(TaskState value);
[[nodiscard]] Text label_of(DeviceType value);
[[nodiscard]] Text label_of(DeviceState value);

[[nodiscard]] std::optional<RecordState> record_state_named(std::string_view name);
[[nodiscard]] std::optional<UpgradeMode> upgrade_mode_named(std::string_view name);
[[nodiscard]] std::optional<ReleaseType> release_type_named(std::string_view name);
[[nodiscard]] std::optional<Deployment> deployment_named(std::string_view name);
[[nodiscard]] std::optional<CredentialKind> credential_kind_named(std::string_view name);
[[nodiscard]] std::optional<SignMethod> sign_method_named(std::string_view name);  ///< any case
[[nodiscard]] std::optional<DeviceType> device_type_named(std::string_view name);
[[nodiscard]] std::optional<DeviceState> device_state_named(std::string_view name);

}  // namespace updraft
