#pragma once

#include "app/file_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /file: uploads (multipart or raw, whole, several, in pieces) and downloads (spec 2.5).
void file_routes(Api& api, FileService& files);

/// `url` is the address under which devices find it.
[[nodiscard]] json::object file_json(const StoredFile& file, std::string_view url);

}  // namespace updraft::rest
