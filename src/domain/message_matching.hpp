#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/upgrade_record.hpp"

namespace updraft {

/// Which record of a device an incoming message speaks of (spec 3.2, "Matching"). `records` are the
/// device's records in any order; the answer is an index into them, nothing when the message is to
/// be logged and dropped.
///
/// A reply: by message id, processing records first; else the newest push that nothing has
/// answered. A message id of a record that has ended matches that one, so that a repeated refusal
/// is ignored instead of ending the attempt after it. `message_id` may be empty: few devices echo
/// it.
[[nodiscard]] std::optional<std::size_t> match_reply(const std::vector<UpgradeRecord>& records,
                                                     std::string_view message_id);

/// A progress message: by firmware id (processing first, then failed, canceled, waiting by newest
/// upgrade time), else by version, else the only processing record. `success` records match last,
/// so that a repeated final report is ignored by T21 instead of hitting another record.
[[nodiscard]] std::optional<std::size_t> match_progress(const std::vector<UpgradeRecord>& records,
                                                        std::string_view firmware_id,
                                                        std::string_view version);

/// True if a record other than `index` is processing: what event::Progressed has to know (T19).
[[nodiscard]] bool another_is_processing(const std::vector<UpgradeRecord>& records,
                                         std::size_t index);

/// All records that a version report speaks of: same version, waiting, processing or failed, same
/// product.
[[nodiscard]] std::vector<std::size_t> match_report(const std::vector<UpgradeRecord>& records,
                                                    const ProductId& product,
                                                    std::string_view version);

}  // namespace updraft
