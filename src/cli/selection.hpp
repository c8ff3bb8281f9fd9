#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <vector>

#include "base/result.hpp"

namespace updraft::cli {

namespace json = boost::json;

/// Which devices a task is for, as given on the command line.
struct DeviceChoice {
    std::vector<std::string> ids;    ///< --device
    std::string ids_file;            ///< --devices-from; "-" is standard input
    std::vector<std::string> where;  ///< --where
    bool all = false;                ///< --all
};

/// The members `releaseType`, `deviceId` and `terms` of a task. Errors: invalid_argument if nothing
/// was chosen, or --all and a choice; what the file or a condition has wrong.
[[nodiscard]] Result<json::object> selection_of(const DeviceChoice& choice);

/// The selection without the ids that the preview does not know. Errors: not_found if there are
/// some and they may not be skipped, or if there are more than the preview names.
[[nodiscard]] Result<json::object> known_only(json::object task, const json::value& preview,
                                              bool skip_unknown);

}  // namespace updraft::cli
