#pragma once

#include <memory>
#include <string>

#include "app/ports.hpp"

namespace updraft {

/// Artifacts as files under `folder`: `artifacts/ab/abcdef...` by SHA-256, uploads in progress
/// under `uploads/`. Makes the folders; throws StorageError with the path when that fails. Safe
/// from every thread.
[[nodiscard]] std::unique_ptr<ArtifactStore> open_artifact_files(const std::string& folder);

}  // namespace updraft
