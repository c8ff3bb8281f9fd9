#pragma once

#include <memory>
#include <string>

#include "app/ports.hpp"

namespace updraft {

/// Opens the artifact store on local files under `folder`, which is made if it is missing:
///
///     artifacts/ab/abcdef...        the bytes, named by their SHA-256
///     artifacts/ab/abcdef....meta   "<size> <md5>", against which a download is checked
///     uploads/new-*                 one upload in progress; removed when the store is opened
///     uploads/part-*.data, .map     an upload in pieces and what has come of it
///
/// Safe from every thread. Throws StorageError: the folder cannot be used.
[[nodiscard]] std::unique_ptr<ArtifactStore> open_artifact_files(const std::string& folder);

}  // namespace updraft
